/**
 * What the real capture thread costs for each exchange: a question of 1 KB with an answer of 1 KB over HTTP/1.1 on
 * live connections, from the tap to the line in the file. CPU time of each thread, as Linux counts it.
 *
 *   npm run build:ts && node --import tsx bench/pipeline-thread.ts [exchanges] [folder of the built code]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { CapturePlane } from "../src/capture/plane.js";
import { DEFAULT_LIMITS } from "../src/exchange/exchange.js";
import { connection } from "./sample-connection.js";

const exchanges = Number(process.argv[2] ?? 20_000);
/** Built, for what tsx makes of the source is slower. */
const built = pathToFileURL(resolve(process.argv[3] ?? "dist"));
/** Turns after which the thread is waited for, as a queue that only grows is none of real life. */
const TURNS_AHEAD = 16;

const question = JSON.stringify({
  model: "gpt-4o",
  messages: [
    { role: "system", content: "You are a helpful assistant." },
    { role: "user", content: "What is a word for this? ".repeat(35) },
  ],
  temperature: 0.2,
});
const answer = JSON.stringify({
  id: "chatcmpl-CrJx4pT9vF0wqkG2b1Zs8hUd3nLm",
  object: "chat.completion",
  created: 1_767_988_586,
  model: "gpt-4o-2024-08-06",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: "It is a word of many. ".repeat(24), refusal: null },
      logprobs: null,
      finish_reason: "stop",
    },
  ],
  usage: {
    prompt_tokens: 300,
    completion_tokens: 200,
    total_tokens: 500,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  },
  system_fingerprint: "fp_a7d06e42a7",
});
const request = Buffer.from(
  "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nAccept: application/json\r\n" +
    "Content-Type: application/json\r\nUser-Agent: OpenAI/JS 6.49.0\r\nX-Stainless-Lang: js\r\n" +
    `Authorization: Bearer ${"k".repeat(48)}\r\nContent-Length: ${Buffer.byteLength(question)}\r\n\r\n${question}`,
);
const response = Buffer.from(
  "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 20:00:00 GMT\r\nContent-Type: application/json\r\n" +
    "Connection: keep-alive\r\nopenai-processing-ms: 611\r\nx-request-id: req_8e1a3c\r\n" +
    `Content-Length: ${Buffer.byteLength(answer)}\r\n\r\n${answer}`,
);

/** CPU milliseconds of each thread of this process (Documentation/scheduler/sched-stats.rst). */
function cpuByThread(): Map<string, number> {
  const threads = readdirSync("/proc/self/task");
  return new Map(
    threads.map((thread) => {
      const [nanoseconds] = readFileSync(`/proc/self/task/${thread}/schedstat`, "utf8").split(" ");
      return [thread, Number(nanoseconds) / 1e6];
    }),
  );
}

const folder = mkdtempSync(join(tmpdir(), "oximy-bench-"));
const known = new Set(cpuByThread().keys());
const plane = await CapturePlane.start({
  capture: { outputDir: folder, includeRaw: true, limits: DEFAULT_LIMITS, allHosts: false, feed: false },
  bundleDocument: readFileSync(new URL("../data/oisp-bundle.json", import.meta.url), "utf8"),
  log: (level, message) => console.error(level, message),
  threadUrl: new URL(`${built}/capture/thread.js`),
});
const captureThread = [...cpuByThread()]
  .filter(([thread]) => !known.has(thread))
  .sort(([, one], [, other]) => other - one)[0]![0];
let nextId = 1;

async function drive(width: number, total: number, pace: "busy" | "paced"): Promise<void> {
  const taps = Array.from({ length: width }, () => plane.open({ ...connection, id: nextId++ }));
  for (let turn = 0; turn * width < total; turn += 1) {
    for (const tap of taps) tap.push("request", request);
    await (pace === "busy" ? nextTurn() : sleep(1));
    for (const tap of taps) tap.push("response", response);
    await (pace === "busy" ? nextTurn() : sleep(1));
    if (turn % TURNS_AHEAD === 0) await plane.flush();
  }
  for (const tap of taps) tap.close("ended");
  await plane.flush();
}

try {
  await drive(16, 10_000, "busy");
  console.log("µs of CPU per exchange       capture thread  handing over  other threads");
  for (const [name, width, pace, total] of [
    ["16 connections, no pause", 16, "busy", exchanges],
    ["1 connection, no pause", 1, "busy", exchanges],
    ["16 connections, in turns", 16, "paced", exchanges],
    ["1 connection, in turns", 1, "paced", exchanges / 8],
  ] as const) {
    const before = cpuByThread();
    await drive(width, total, pace);
    const spent = [...cpuByThread()].map(
      ([thread, cpu]) => [thread, cpu - (before.get(thread) ?? 0)] as const,
    );
    const of = (wanted: (thread: string) => boolean) =>
      (spent.filter(([thread]) => wanted(thread)).reduce((sum, [, cpu]) => sum + cpu, 0) / total) * 1000;
    const main = String(process.pid);
    const columns = [
      of((thread) => thread === captureThread),
      of((thread) => thread === main),
      of((thread) => thread !== captureThread && thread !== main),
    ];
    console.log(name.padEnd(28), columns.map((cost) => cost.toFixed(1).padStart(13)).join(" "));
  }
  const counters = await plane.close();
  if (counters?.lostTaps !== 0 || counters.lostEvents !== 0) console.error("lost some", counters);
} finally {
  rmSync(folder, { recursive: true });
}
