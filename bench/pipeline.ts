/**
 * What it costs to make an event of an exchange, from the bytes of the tap to the line in the file, beside a
 * bare JSON.parse of the same bodies. CPU time of this process, one core.
 *
 *   node --import tsx bench/pipeline.ts [seconds per case] [case]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pipeline } from "../src/capture/pipeline.js";
import { DEFAULT_LIMITS } from "../src/exchange/exchange.js";
import { readBundleText } from "../src/oisp/parse.js";
import { openJsonlSink } from "../src/sinks/jsonl.js";
import { connection } from "./sample-connection.js";

const seconds = Number(process.argv[2] ?? 2);
const only = process.argv[3] ?? "";
const bundlePath = new URL("../data/oisp-bundle.json", import.meta.url);
const { bundle } = readBundleText(readFileSync(bundlePath, "utf8"));

interface Case {
  readonly name: string;
  readonly request: Buffer;
  readonly response: Buffer;
  /** The documents that a reader of these bytes has to parse at least. */
  readonly documents: readonly string[];
}

const WORDS = "the quick brown fox reads a long answer, and asks: which of these 12 words is a key? ".split(
  " ",
);

function prose(length: number): string {
  let text = "";
  for (let n = 0; text.length < length; n += 1) text += `${WORDS[(n * 7) % WORDS.length]} `;
  return text.slice(0, length);
}

function http(start: string, type: string, body: string): Buffer {
  const length = Buffer.byteLength(body);
  return Buffer.from(
    `${start}\r\nHost: api.openai.com\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n${body}`,
  );
}

const POST = "POST /v1/chat/completions HTTP/1.1";
const OK = "HTTP/1.1 200 OK";
const USAGE = { prompt_tokens: 500, completion_tokens: 200, total_tokens: 700 };

function chat(name: string, bytes: number): Case {
  const request = JSON.stringify({
    model: "gpt-4o",
    messages: Array.from({ length: 4 }, (_, n) => ({
      role: n % 2 ? "assistant" : "user",
      content: prose(bytes / 8),
    })),
  });
  const message = { role: "assistant", content: prose(bytes / 2), refusal: null };
  const response = JSON.stringify({
    id: "chatcmpl-CrJx4pT9vF0wqkG2b1Zs8hUd3nLm",
    object: "chat.completion",
    model: "gpt-4o-2024-08-06",
    choices: [{ index: 0, message, finish_reason: "stop" }],
    usage: USAGE,
  });
  return {
    name,
    request: http(POST, "application/json", request),
    response: http(OK, "application/json", response),
    documents: [request, response],
  };
}

function stream(name: string, chunks: number): Case {
  const request = JSON.stringify({
    model: "gpt-4o",
    stream: true,
    messages: [{ role: "user", content: prose(200) }],
  });
  const documents = Array.from({ length: chunks }, (_, n) =>
    JSON.stringify({
      id: "chatcmpl-CrJx4pT9vF0wqkG2b1Zs8hUd3nLm",
      object: "chat.completion.chunk",
      created: 1_767_988_586,
      model: "gpt-4o-2024-08-06",
      system_fingerprint: "fp_a7d06e42a7",
      choices: [
        { index: 0, delta: { content: `${WORDS[n % WORDS.length]} ` }, logprobs: null, finish_reason: null },
      ],
    }),
  );
  const body = `${documents.map((document) => `data: ${document}\n\n`).join("")}data: [DONE]\n\n`;
  return {
    name,
    request: http(POST, "application/json", request),
    response: http(OK, "text/event-stream", body),
    documents: [request, ...documents],
  };
}

const ROUND_MS = 15;

/** CPU seconds per call of each of the works, taken in turns: the lower quartile of short rounds, after warming up. */
function cpuOf(...works: (() => void)[]): number[] {
  const rounds = works.map((): number[] => []);
  const begun = performance.now();
  for (let now = begun; now < begun + seconds * 1000 || rounds[0]!.length < 8; now = performance.now()) {
    const isWarm = now > begun + (seconds * 1000) / 3;
    works.forEach((work, n) => {
      const cpu = round(work);
      if (isWarm) rounds[n]!.push(cpu);
    });
  }
  return rounds.map((costs) => costs.sort((one, other) => one - other)[costs.length >> 2]!);
}

function round(work: () => void): number {
  const before = process.cpuUsage();
  const end = performance.now() + ROUND_MS;
  let calls = 0;
  for (; calls === 0 || performance.now() < end; calls += 1) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / calls;
}

const folder = mkdtempSync(join(tmpdir(), "oximy-bench-"));
const sink = openJsonlSink({ folder });
try {
  console.log("case               events/s   MB/s  µs/event  µs parse  times a bare parse");
  let id = 0;
  for (const includeRaw of [true, false]) {
    const pipeline = new Pipeline({
      bundle,
      limits: DEFAULT_LIMITS,
      includeRaw,
      allHosts: false,
      onEvent: (event) => sink.write(event),
    });
    for (const { name, request, response, documents } of [
      chat("chat 2 KB", 2 << 10),
      chat("chat 100 KB", 100 << 10),
      stream("sse 200", 200),
      stream("sse 5000", 5000),
    ]) {
      if (!name.includes(only)) continue;
      const bareParse = () => {
        for (const document of documents) JSON.parse(document);
      };
      const wholeWay = () => {
        id += 1;
        pipeline.open({ ...connection, id });
        pipeline.push(id, "request", request, Date.now());
        pipeline.push(id, "response", response, Date.now());
        pipeline.close(id, "ended", Date.now());
      };
      const [parse, event] = cpuOf(bareParse, wholeWay) as [number, number];
      const megabytes = (request.length + response.length) / 1e6;
      const columns = [
        `${name}${includeRaw ? "" : " no raw"}`.padEnd(18),
        (1 / event).toFixed(0).padStart(9),
        (megabytes / event).toFixed(0).padStart(6),
        (event * 1e6).toFixed(0).padStart(9),
        (parse * 1e6).toFixed(0).padStart(9),
        (event / parse).toFixed(2).padStart(8),
      ];
      console.log(columns.join(" "));
    }
  }
} finally {
  await sink.close();
  rmSync(folder, { recursive: true });
}
