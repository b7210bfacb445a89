/** Writes events until it is killed, and a line for each to standard output: `write-until-killed.ts FOLDER`. */

import { writeSync } from "node:fs";
import { openJsonlSink } from "../../src/sinks/jsonl.js";
import { sampleEvent } from "./sample-event.js";

const sink = openJsonlSink({ folder: process.argv[2] ?? "" });
// So large that a kill can hit the middle of a write.
const client = { port: 1, name: "x".repeat(256 << 10) };
for (let n = 0; ; n += 1) {
  sink.write(sampleEvent({ event_id: String(n), client }));
  writeSync(1, `${n}\n`);
}
