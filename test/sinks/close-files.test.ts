import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { closeFiles } from "../../src/sinks/close-files.js";
import { type CompressionStep, compressFile } from "../../src/sinks/compress-file.js";
import { FileCloser } from "../../src/sinks/file-closer.js";
import { openJsonlSink } from "../../src/sinks/jsonl.js";
import { numberFile } from "../../src/sinks/numbered-file.js";
import { listTracesFiles } from "../../src/sinks/traces-folder.js";
import { readEvents } from "../../src/traces/event-files.js";
import { temporaryFolder } from "../temporary-folder.js";
import { sampleEvent } from "./sample-event.js";

const HOUR = 3_600_000;
const KILLED = fileURLToPath(new URL("./close-until-killed.ts", import.meta.url));
const [DAY, NEXT] = ["2026-01-09", "2026-01-10"];
/** Long after all that a test writes is due. */
const later = () => new Date(Date.now() + 3 * 24 * HOUR);

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});

const lines = (...ids: (string | number)[]) =>
  ids.map((id) => `${JSON.stringify(sampleEvent({ event_id: String(id) }))}\n`).join("");
const write = (name: string, ...ids: (string | number)[]) => writeFileSync(join(folder, name), lines(...ids));

async function idsRead(): Promise<string[]> {
  const ids: string[] = [];
  for await (const { event_id } of readEvents(folder)) ids.push(event_id);
  return ids;
}

test("what is over for an hour is compressed under the next number, what is written to stays", async () => {
  write(`traces_${DAY}.0001.jsonl`, 1);
  write(`traces_${DAY}.jsonl`, 2);
  write(`traces_${NEXT}.jsonl`, 3);
  const now = new Date(2026, 0, 10, 0, 30);
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), now, new Date(2026, 0, 9, 23));
  // The day's file is over since half an hour; the numbered one got its name in this test, which is later still.
  await closeFiles({ folder, now });
  expect(readdirSync(folder).sort()).toEqual([
    `traces_${DAY}.0001.jsonl`,
    `traces_${DAY}.jsonl`,
    `traces_${NEXT}.jsonl`,
  ]);
  await closeFiles({ folder, now: new Date(2026, 0, 10, 1) });
  expect(readdirSync(folder).sort()).toEqual([
    `traces_${DAY}.0001.jsonl`,
    `traces_${DAY}.0002.jsonl.br`,
    `traces_${NEXT}.jsonl`,
  ]);
  await closeFiles({ folder, now: later() });
  expect(readdirSync(folder).sort()).toEqual(
    [1, 2, 3].map((n) => `traces_${n < 3 ? DAY : NEXT}.000${n < 3 ? n : 1}.jsonl.br`),
  );
  expect(await idsRead()).toEqual(["1", "2", "3"]);
});

test("a compressed file is the user's alone, as old as the plain one, and what it was", async () => {
  const path = join(folder, `traces_${DAY}.0001.jsonl`);
  write(`traces_${DAY}.0001.jsonl`, 1, 2);
  chmodSync(path, 0o644);
  const plain = readFileSync(path);
  const { mtimeMs } = statSync(path);
  await compressFile({ date: DAY, number: 1, path });
  const status = statSync(`${path}.br`);
  expect(status.mode & 0o777).toBe(0o600);
  expect(Math.abs(status.mtimeMs - mtimeMs)).toBeLessThan(1);
  expect(brotliDecompressSync(readFileSync(`${path}.br`))).toEqual(plain);
});

test("a line that came while the file was compressed keeps it plain until the next time", async () => {
  const path = join(folder, `traces_${DAY}.0001.jsonl`);
  write(`traces_${DAY}.0001.jsonl`, 1);
  await compressFile(
    { date: DAY, number: 1, path },
    { onStep: (step) => step === "written" && appendFileSync(path, lines(2)) },
  );
  expect(await idsRead()).toEqual(["1", "2"]);
  await compressFile({ date: DAY, number: 1, path });
  expect(readdirSync(folder)).toEqual([`traces_${DAY}.0001.jsonl.br`]);
  expect(await idsRead()).toEqual(["1", "2"]);
});

test("one that is compressed while a folder is read is read as it is then", async () => {
  write(`traces_${DAY}.0001.jsonl`, 1);
  write(`traces_${DAY}.0002.jsonl`, 2);
  const reading = readEvents(folder);
  expect((await reading.next()).value.event_id).toBe("1");
  await closeFiles({ folder, now: later() });
  expect((await reading.next()).value.event_id).toBe("2");
});

describe("killed while a day's file is closed", () => {
  test.each<CompressionStep>(["begun", "some", "written", "synced", "verified", "placed", "removed"])(
    "at %s, all events are there once, and the next time goes on",
    async (step) => {
      const ids = Array.from({ length: 300 }, (_, n) => String(n));
      write(`traces_${DAY}.jsonl`, ...ids);
      // More than the compressor holds back.
      appendFileSync(
        join(folder, `traces_${DAY}.jsonl`),
        `${JSON.stringify(sampleEvent({ event_id: "last", client: { port: 1, name: randomBytes(1 << 20).toString("hex") } }))}\n`,
      );
      const child = spawn(process.execPath, ["--import", "tsx", KILLED, folder, step], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      await once(child, "close");
      expect(child.signalCode).toBe("SIGKILL");
      expect(await idsRead()).toEqual([...ids, "last"]);
      await closeFiles({ folder, now: later() });
      expect(readdirSync(folder)).toEqual([`traces_${DAY}.0001.jsonl.br`]);
      expect(await idsRead()).toEqual([...ids, "last"]);
    },
    60_000,
  );

  test("before its number is its own, an empty file is left, which goes", async () => {
    write(`traces_${DAY}.jsonl`, 1);
    write(`traces_${DAY}.0001.jsonl`);
    expect(await idsRead()).toEqual(["1"]);
    await closeFiles({ folder, now: later() });
    expect(readdirSync(folder)).toEqual([`traces_${DAY}.0001.jsonl.br`]);
    expect(await idsRead()).toEqual(["1"]);
  });

  test("after its number is its own, the number stays", async () => {
    write(`traces_${DAY}.jsonl`, 1);
    renameSync(join(folder, `traces_${DAY}.jsonl`), join(folder, `traces_${DAY}.0001.jsonl`));
    write(`traces_${DAY}.jsonl`, 2);
    expect(numberFile(folder, DAY)?.number).toBe(2);
    expect(await idsRead()).toEqual(["1", "2"]);
  });
});

test("two that number a file at once do it once", () => {
  write(`traces_${DAY}.jsonl`, 1);
  expect(numberFile(folder, DAY)?.path).toBe(join(folder, `traces_${DAY}.0001.jsonl`));
  expect(numberFile(folder, DAY)).toBeUndefined();
  expect(readdirSync(folder)).toEqual([`traces_${DAY}.0001.jsonl`]);
});

test("what is no file of ours is not touched: links, other names, folders", async () => {
  const elsewhere = join(temporaryFolder(), "passwords");
  writeFileSync(elsewhere, "x");
  symlinkSync(elsewhere, join(folder, `traces_${DAY}.0001.jsonl`));
  mkdirSync(join(folder, `traces_${DAY}.0002.jsonl`));
  writeFileSync(join(folder, `traces_${DAY}.0003.jsonl.bak`), "x");
  await closeFiles({ folder, now: later() });
  expect(readdirSync(folder)).toHaveLength(3);
  expect(readFileSync(elsewhere, "utf8")).toBe("x");
});

test("a full file is closed by who writes, and the next event begins a new one", async () => {
  const now = () => new Date(2026, 0, 9, 12);
  const sink = openJsonlSink({ folder, now, fileBytes: 1000 });
  for (let n = 0; n < 5; n += 1) sink.write(sampleEvent({ event_id: String(n) }));
  await sink.close();
  expect(listTracesFiles(folder).map(({ number }) => number)).toEqual([1, 2, undefined]);
  expect(await idsRead()).toEqual(["0", "1", "2", "3", "4"]);
});

test("two processes that share a full file lose nothing", async () => {
  const now = () => new Date(2026, 0, 9, 12);
  const sinks = [1, 2].map(() => openJsonlSink({ folder, now, fileBytes: 1500 }));
  const ids = Array.from({ length: 40 }, (_, n) => String(n));
  for (const [n, id] of ids.entries()) sinks[n % 2]!.write(sampleEvent({ event_id: id }));
  for (const sink of sinks) await sink.close();
  expect(await idsRead()).toEqual(ids);
});

test("beyond the size that is kept the oldest go, never what is written to", async () => {
  const now = () => new Date(2026, 0, 9, 12);
  write("traces_2026-01-08.0001.jsonl.br");
  writeFileSync(join(folder, "traces_2026-01-08.0001.jsonl.br"), Buffer.alloc(9000));
  const sink = openJsonlSink({ folder, now, keepBytes: 8000 });
  for (let n = 0; n < 40; n += 1) sink.write(sampleEvent({ event_id: String(n) }));
  await sink.close();
  const ids = await idsRead();
  expect(ids.at(-1)).toBe("39");
  expect(ids.length).toBeLessThan(20);
  expect(ids).toEqual(Array.from({ length: ids.length }, (_, n) => String(40 - ids.length + n)));
  expect(existsSync(join(folder, "traces_2026-01-08.0001.jsonl.br"))).toBe(false);
});

test("200 calls of an agent whose dialogue grows to 710 KB take at most 3 MB when they are closed", async () => {
  const sink = openJsonlSink({ folder, now: () => new Date(2026, 0, 9, 12) });
  const messages: { role: string; content: unknown }[] = [];
  let plain = 0;
  for (let call = 0; call < 200; call += 1) {
    // Text that was never there before: 3.5 KB of it cannot be made smaller than some 2 KB.
    messages.push({ role: "user", content: [{ type: "text", text: randomBytes(1750).toString("hex") }] });
    const body = { model: "a-model", messages };
    const size = JSON.stringify(body).length;
    plain += 2 * size;
    const interaction = {
      model: "a-model",
      provider: "anthropic",
      type: "chat",
      request: { messages, model: "a-model", _raw: body },
    } as const;
    sink.write(sampleEvent({ event_id: String(call), interaction }));
    if (call === 199) expect(size).toBeGreaterThan(700_000);
  }
  await sink.close();
  expect(plain).toBeGreaterThan(140e6);
  expect(listTracesFiles(folder).length).toBeGreaterThan(1);
  await closeFiles({ folder, now: later() });
  const files = listTracesFiles(folder);
  expect(files.every(({ form }) => form === "compressed")).toBe(true);
  const size = files.reduce((sum, { path }) => sum + statSync(path).size, 0);
  console.log(`${(plain / 1e6).toFixed(0)} MB of calls in ${(size / 1e6).toFixed(2)} MB`);
  expect(size).toBeLessThan(3e6);
  expect(await idsRead()).toHaveLength(200);
}, 120_000);

/** As it is built: the process is started from its file. */
async function closeBeside(owner: { uid: number; gid: number }): Promise<void> {
  for (const path of [folder, join(folder, `traces_${DAY}.jsonl`)]) chownSync(path, owner.uid, owner.gid);
  const { FileCloser: Built } = await import(
    fileURLToPath(new URL("../../dist/sinks/file-closer.js", import.meta.url))
  );
  const closer: FileCloser = new Built({ folder, holdMs: 0 });
  onTestFinished(() => closer.close());
  await expect.poll(() => readdirSync(folder), { timeout: 15_000 }).toEqual([`traces_${DAY}.0001.jsonl.br`]);
}

test("files are closed beside, by a process of its own", async () => {
  write(`traces_${DAY}.jsonl`, 1, 2);
  await closeBeside({ uid: process.getuid!(), gid: process.getgid!() });
  expect(await idsRead()).toEqual(["1", "2"]);
});

test.runIf(process.geteuid?.() === 0)("root has a user's files closed by the user", async () => {
  write(`traces_${DAY}.jsonl`, 1);
  await closeBeside({ uid: 12345, gid: 12345 });
  const { uid, gid } = statSync(join(folder, `traces_${DAY}.0001.jsonl.br`));
  expect([uid, gid]).toEqual([12345, 12345]);
});

test("a file that cannot be compressed is told once and stays", async () => {
  const told: string[] = [];
  const closer = new FileCloser({ folder: join(folder, "none"), log: (level) => told.push(level) });
  closer.check();
  closer.close();
  expect(told).toEqual(["warn"]);
});
