import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { CapturePlaneOptions } from "../../src/capture/plane.js";
import type { OximyEvent } from "../../src/event/event.js";
import { embeddedDocument } from "../../src/oisp/embedded.js";
import { CREDENTIALS } from "../credentials.js";
import { validateEvent } from "../event/schema.js";
import { temporaryFolder } from "../temporary-folder.js";
import { captureOptions, connection, nextOf, startPlane } from "./rig.js";

const http = (start: string, body: string) =>
  Buffer.from(
    `${start}\r\nhost: api.openai.com\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
const ASKED = http(
  "POST /v1/chat/completions HTTP/1.1",
  JSON.stringify({
    model: "gpt-4o",
    messages: [{ role: "user", content: `Is ${CREDENTIALS.openai} a key?` }],
  }),
);
const ANSWERED = http(
  "HTTP/1.1 200 OK",
  JSON.stringify({
    model: "gpt-4o",
    choices: [
      { message: { role: "assistant", content: `It is, as ${CREDENTIALS.jwt}` }, finish_reason: "stop" },
    ],
  }),
);

async function startReal(options: Partial<CapturePlaneOptions> = {}) {
  const outputDir = temporaryFolder();
  const rig = await startPlane({
    capture: captureOptions(outputDir),
    bundleDocument: embeddedDocument(),
    threadUrl: new URL("real-thread.mjs", import.meta.url),
    ...options,
  });
  const written = (): OximyEvent[] => {
    const [file] = readdirSync(outputDir);
    const lines = file === undefined ? [] : readFileSync(join(outputDir, file), "utf8").split("\n");
    return lines.filter(Boolean).map((line) => JSON.parse(line) as OximyEvent);
  };
  return { ...rig, written };
}

test("an exchange becomes a line, connections that were not read are told, and all is counted", async () => {
  const { plane, written } = await startReal();
  const tap = plane.open(connection(1));
  tap.push("request", ASKED);
  // Interleaved with another connection, and in small pieces.
  const other = plane.open(connection(2, { protocol: "h3" }));
  for (const byte of ANSWERED) tap.push("response", Buffer.from([byte]));
  other.push("request", Buffer.from("unreadable"));
  plane.unread({
    connection: connection(3),
    reason: "runtime_does_not_trust",
    endedAt: Date.now(),
    bytesUp: 5,
    bytesDown: 6,
  });
  await plane.flush();
  const events = written();
  for (const event of events) validateEvent(event);
  expect(events.map((event) => [event.trace_level, event.metadata.reason])).toEqual([
    ["identifiable", "unknown_protocol"],
    ["full", undefined],
    ["identifiable", "runtime_does_not_trust"],
  ]);
  expect(events[1]!.interaction).toMatchObject({
    model: "gpt-4o",
    response: { content: expect.stringMatching(/^It is, as .*REDACTED$/) },
  });
  tap.close("ended");
  other.close("ended");
  expect(await plane.close()).toMatchObject({
    events: 3,
    gaveUp: { unknown_protocol: 1 },
    lostTaps: 0,
    lostEvents: 0,
  });
});

test("an event is in its file before the feed shows it, however many come at once", async () => {
  const unwritten: unknown[] = [];
  let shown = 0;
  const { plane, written } = await startReal({
    onEvent: (event) => {
      shown++;
      const isIt = ({ event_id }: OximyEvent) => event_id === (event as OximyEvent).event_id;
      if (!written().some(isIt)) unwritten.push(event);
    },
  });
  for (let id = 1; id <= 30; id++) {
    const tap = plane.open(connection(id));
    tap.push("request", ASKED);
    tap.push("response", ANSWERED);
    tap.close("ended");
  }
  await plane.flush();
  expect([shown, unwritten]).toEqual([30, []]);
});

test("long questions keep their text, though their bytes come in buffers that are used again", async () => {
  const { plane, written } = await startReal();
  const texts = ["a", "b", "c", "d"].map((letter) => letter.repeat(600_000));
  for (const [index, content] of texts.entries()) {
    const tap = plane.open(connection(index + 1));
    const asked = http(
      "POST /v1/chat/completions HTTP/1.1",
      JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content }] }),
    );
    for (let at = 0; at < asked.length; at += 50_000) tap.push("request", asked.subarray(at, at + 50_000));
    tap.push("response", ANSWERED);
    tap.close("ended");
    await plane.flush();
  }
  expect(written().map(({ interaction }) => interaction?.request.messages)).toEqual(
    texts.map((content) => [{ role: "user", content }]),
  );
});

test("a request that has no answer when the capture closes is written all the same", async () => {
  const { plane, written } = await startReal();
  const tap = plane.open(connection(1));
  tap.push("request", ASKED);
  tap.close("client_aborted");
  await plane.close();
  expect(written()).toHaveLength(1);
  expect(written()[0]!.metadata.error).toBeDefined();
});

test("a fresh bundle counts for exchanges that end from then on, and a broken one changes nothing", async () => {
  const { plane, written, log } = await startReal();
  const ask = async (id: number) => {
    const tap = plane.open(connection(id));
    tap.push("request", ASKED);
    tap.push("response", ANSWERED);
    tap.close("ended");
    await plane.flush();
  };
  await ask(1);
  plane.useBundle(embeddedDocument().replaceAll('"openai"', '"renamed"'));
  await ask(2);
  plane.useBundle("no bundle");
  await nextOf(log, (line) => line.startsWith("error: capture: a new bundle was not used"));
  await ask(3);
  expect(written().map((event) => event.source.id)).toEqual(["openai", "renamed", "renamed"]);
});
