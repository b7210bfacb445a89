import { appendFileSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { localDate } from "../../src/sinks/traces-folder.js";
import { Catalogue } from "../../src/ui/server/catalogue.js";
import { search } from "../../src/ui/server/search.js";
import type { FeedMessage, Match, Row, Turn } from "../../src/ui/wire.js";
import { SAMPLE_INTERACTION, SAMPLE_METADATA, sampleEvent } from "../sinks/sample-event.js";
import { type Client, folderOf, startUi, statusOf, textOf } from "./ui-rig.js";

const idOf = (number: number) => `019ba454-e7b4-7600-9e5e-${String(number).padStart(12, "0")}`;
const dialogue = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Fix the test" },
  { role: "assistant", content: "I see." },
  { role: "user", content: "Thänks" },
];
const call = (turn: number, fields: Partial<OximyEvent> = {}): OximyEvent =>
  sampleEvent({
    event_id: idOf(turn),
    timestamp: `2026-01-09T12:00:0${turn}.000Z`,
    conversation: { id: "session-1", turn, ...(turn > 1 && { parent_event_id: idOf(turn - 1) }) },
    interaction: {
      ...SAMPLE_INTERACTION,
      request: { messages: dialogue.slice(0, 2 * turn) },
      response: { content: "Done.", reasoning: "Hm.", usage: { input_tokens: 5 } },
    },
    ...fields,
  });

const WAIT = { timeout: 15_000 };
const today = () => `traces_${localDate(new Date())}.jsonl`;

/** The messages of the feed, as they come; ends with the test. */
async function feedOf(client: Client): Promise<() => Promise<FeedMessage>> {
  const gone = new AbortController();
  onTestFinished(() => gone.abort());
  const { body } = await client.get("api/feed", gone.signal);
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  let begun = "";
  return async () => {
    for (;;) {
      const end = begun.indexOf("\n\n");
      if (end >= 0) {
        const message = JSON.parse(begun.slice("data: ".length, end)) as FeedMessage;
        begun = begun.slice(end + 2);
        return message;
      }
      begun += (await reader.read()).value;
    }
  };
}

/** All rows that are there. */
async function rowsOf(next: () => Promise<FeedMessage>): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const message = await next();
    if (message.kind === "rows") rows.push(...message.rows);
    if (message.kind === "complete") return rows;
  }
}

async function loaded(client: Client): Promise<void> {
  await rowsOf(await feedOf(client));
}

describe("the page's server", () => {
  it("gives the cookie for the token, for its own place, out of reach of scripts and of other sites", async () => {
    const { server, place, get } = await startUi(folderOf({}));
    const { status, headers } = await fetch(server.address, { redirect: "manual" });
    expect([status, headers.get("location")]).toEqual([303, place]);
    expect(headers.get("set-cookie")).toMatch(/; HttpOnly; SameSite=Strict$/);
    expect(headers.get("set-cookie")).toContain(`; Path=${place};`);
    const page = await get("");
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    expect(await page.text()).toContain("<title>Oximy</title>");
  });

  it("answers nobody else", async () => {
    const { server, place, cookie } = await startUi(folderOf({}));
    const path = `${place}api/feed`;
    const host = `127.0.0.1:${server.port}`;
    expect(await statusOf(server.port, path, { host })).toBe(403);
    expect(await statusOf(server.port, path, { host: "evil.example", cookie })).toBe(421);
    expect(await statusOf(server.port, `http://${host}${path}`, { host, cookie })).toBe(400);
    expect(await statusOf(server.port, `${place}../package.json`, { host, cookie })).toBe(404);
    expect(await statusOf(server.port, `${place}server/server.js`, { host, cookie })).toBe(404);
  });

  it("tells what is there, newest file first, and what is written after", async () => {
    const folder = folderOf({ [today()]: [call(2)] });
    writeFileSync(join(folder, "traces_2026-01-09.0001.jsonl.br"), brotliCompressSync(textOf([call(1)])));
    const next = await feedOf(await startUi(folder));
    expect(await next()).toEqual({ kind: "begin", folder });
    expect((await rowsOf(next)).map(({ id, words }) => [id, words])).toEqual([
      [idOf(2), "Fix the test"],
      [idOf(1), "Fix the test"],
    ]);
    // A line that is written in two pieces is told when it is whole.
    const line = textOf([call(3)]);
    appendFileSync(join(folder, today()), line.slice(0, 40));
    appendFileSync(join(folder, today()), line.slice(40));
    expect(await next()).toMatchObject({ kind: "rows", rows: [{ id: idOf(3) }] });
    // A full file gets a number, and its name goes to a new one: nothing is told twice.
    renameSync(join(folder, today()), join(folder, today().replace(".jsonl", ".0001.jsonl")));
    writeFileSync(join(folder, today()), textOf([call(4)]));
    expect(await next()).toMatchObject({ kind: "rows", rows: [{ id: idOf(4) }] });
  });

  it("begins anew when a file that was told goes", async () => {
    const folder = folderOf({ [today()]: [call(2)], "traces_2026-01-09.jsonl": [call(1)] });
    const next = await feedOf(await startUi(folder));
    expect(await rowsOf(next)).toHaveLength(2);
    rmSync(join(folder, "traces_2026-01-09.jsonl"));
    expect(await next()).toMatchObject({ kind: "begin" });
    expect((await rowsOf(next)).map(({ id }) => id)).toEqual([idOf(2)]);
  });

  it("tells which files cannot be read, and reads the others", async () => {
    const folder = folderOf({ [today()]: [call(1)] });
    const spoilt = join(folder, "traces_2026-01-09.0001.jsonl.br");
    writeFileSync(spoilt, "no such form");
    const next = await feedOf(await startUi(folder));
    expect(await next()).toMatchObject({ kind: "begin" });
    expect(await next()).toMatchObject({ kind: "rows", rows: [{ id: idOf(1) }] });
    expect(await next()).toEqual({ kind: "complete", left_out: 0, unreadable: [spoilt] });
  });

  it("tells a conversation turn by turn, by any of its events, with what changed", async () => {
    const folder = folderOf({ [today()]: [call(2), sampleEvent()] });
    writeFileSync(join(folder, "traces_2026-01-09.0001.jsonl.br"), brotliCompressSync(textOf([call(1)])));
    const client = await startUi(folder);
    await loaded(client);
    const turns = await client.lines<Turn>(`api/conversation?event=${idOf(2)}`);
    expect(turns.map(({ row }) => row.turn)).toEqual([1, 2]);
    expect(turns[0]).toMatchObject({
      system: { text: "Be brief.", length: 9 },
      said: [{ kind: "text", role: "user", text: "Fix the test" }],
      answer: [
        { kind: "thinking", text: "Hm." },
        { kind: "text", text: "Done." },
      ],
    });
    expect(turns[1]).toMatchObject({
      said: [{ text: "Thänks" }],
      changes: { cache: { lostAt: "nowhere" }, messages: { same: 1, before: 1, after: 3 } },
    });
    expect(await client.lines("api/conversation?event=none")).toEqual([]);
  });

  it("gives an event as it was written, out of plain and compressed files", async () => {
    const folder = folderOf({ [today()]: [sampleEvent(), call(2)] });
    writeFileSync(
      join(folder, "traces_2026-01-09.0001.jsonl.br"),
      brotliCompressSync(textOf([sampleEvent(), call(1)])),
    );
    const client = await startUi(folder);
    await loaded(client);
    for (const turn of [1, 2]) {
      expect(await (await client.get(`api/event?event=${idOf(turn)}`)).json()).toEqual(call(turn));
    }
    expect((await client.get("api/event?event=none")).status).toBe(404);
  });

  it.each([
    ["thanks in other letters", "THÄNKS", [idOf(2)]],
    ["words of each", "fix the TEST", [idOf(2), idOf(1)]],
    ["a mark of expressions", "te.t", []],
    ["quotes and line ends", 'say "hi"\n', [idOf(3)]],
    ["nothing", "nowhere", []],
  ])("finds %s", async (_, text, ids) => {
    const quoting = call(3, {
      interaction: {
        ...SAMPLE_INTERACTION,
        request: { messages: [{ role: "user", content: 'say "hi"\n' }] },
      },
    });
    const folder = folderOf({ [today()]: [call(2), quoting], "traces_2026-01-09.jsonl": [call(1)] });
    const client = await startUi(folder);
    await loaded(client);
    const matches = await client.lines<Match>(`api/search?text=${encodeURIComponent(text)}`);
    expect(matches.map(({ id }) => id)).toEqual(ids);
  });

  it("says what to do where something was seen and not read", async () => {
    const { interaction: _, ...seen } = sampleEvent({ trace_level: "identifiable" });
    const metadata = { ...SAMPLE_METADATA, reason: "runtime_does_not_trust" as const };
    const next = await feedOf(await startUi(folderOf({ [today()]: [{ ...seen, metadata }] })));
    expect((await rowsOf(next))[0]).toMatchObject({
      reason: "runtime_does_not_trust",
      advice: "start it with NODE_EXTRA_CA_CERTS=/home/ana/.oximy/ca/oximy-ca-cert.pem",
    });
  });

  it("reads the end of a large file first, and all of it in the end", async () => {
    const filler = "x".repeat(300_000);
    const events = Array.from({ length: 9 }, (_, index) =>
      call(index + 1, { client: { port: 1, name: "node", script: filler } }),
    );
    const client = await startUi(folderOf({ [today()]: events }));
    const next = await feedOf(client);
    const ids = (await rowsOf(next)).map(({ id }) => id);
    expect(ids[0]).not.toBe(idOf(1));
    expect([...ids].sort()).toEqual(events.map(({ event_id }) => event_id));
    const matches = await client.lines<Match>("api/search?text=node");
    expect(matches.map(({ id }) => id)).toEqual(events.map(({ event_id }) => event_id));
  });
});

it.skipIf(process.platform !== "linux")("a search reads no further when who asked has gone", async () => {
  const events = Array.from({ length: 3_000 }, (_, index) => sampleEvent({ event_id: idOf(index) }));
  const folder = folderOf({ [today()]: events });
  const catalogue = new Catalogue(folder, "/none");
  await catalogue.refresh();
  const gone = new AbortController();
  const matches = search(catalogue, "gpt", gone.signal);
  const first = await matches.next();
  expect(first.value).not.toHaveLength(events.length);
  gone.abort();
  expect(await matches.next()).toEqual({ done: true, value: undefined });
  await vi.waitFor(() => expect(openFiles().filter((file) => file.startsWith(folder))).toEqual([]), WAIT);
});

function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return []; // closed meanwhile
    }
  });
}
