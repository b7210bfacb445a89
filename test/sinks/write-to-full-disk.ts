/**
 * Runs in a mount namespace of its own, on a small tmpfs: fills the disk, writes events, makes room, and says
 * what happened as one line of JSON: `write-to-full-disk.ts FOLDER`.
 */

import { readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openJsonlSink } from "../../src/sinks/jsonl.js";
import { sampleEvent } from "./sample-event.js";

const folder = process.argv[2] ?? "";
const ballast = join(folder, "ballast");
const told: string[] = [];
let recovered: (() => void) | undefined;
const room = new Promise<void>((resolve) => {
  recovered = resolve;
});

const sink = openJsonlSink({
  folder,
  retryMs: 20,
  log: (level, message) => {
    told.push(`${level}: ${message}`);
    if (level === "info") recovered?.();
  },
});
writeFileSync(ballast, Buffer.alloc(500 << 10));
// Not a divisor of the page: the disk takes a part of the line that does not fit.
const client = { port: 1, name: "x".repeat(10_007) };
for (let n = 0; n < 40; n += 1) sink.write(sampleEvent({ event_id: String(n), client }));
const full = sink.stats();
unlinkSync(ballast);
// The sink's own timer does not keep a process alive.
const alive = setInterval(() => {}, 1000);
await room;
clearInterval(alive);
sink.write(sampleEvent({ event_id: "40" }));
await sink.close();

const lines = readdirSync(folder).flatMap((name) =>
  readFileSync(join(folder, name), "utf8").trimEnd().split("\n"),
);
const ids = lines.map((line) => JSON.parse(line).event_id);
process.stdout.write(`${JSON.stringify({ full, told, ids, end: sink.stats() })}\n`);
