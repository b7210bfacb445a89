/**
 * What it costs to read exchanges from the copy, in CPU time of this process: microseconds per request of 1 KB
 * with an answer of 1 KB, and MB per second of bodies. The peer is llhttp, as Node has it built in, with no more
 * than callbacks set: it neither pairs, nor keeps, nor bounds.
 *
 *   node --import tsx bench/exchange.ts [requests]
 */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type net from "node:net";
import { text } from "node:stream/consumers";
import { createConnectionReader } from "../src/exchange/connection.js";
import { DEFAULT_LIMITS } from "../src/exchange/exchange.js";
import type { Step } from "../test/exchange/recording.js";
import { listen, startRelay } from "../test/exchange/relayed.js";

const [requests = 50_000] = process.argv.slice(2).map(Number);
const PER_CONNECTION = 500;
const KILOBYTE = JSON.stringify({ model: "gpt-4o", messages: "x".repeat(985) });
const FIELDS = {
  authorization: `Bearer ${"k".repeat(48)}`,
  "content-type": "application/json",
  "user-agent": "OpenAI/JS 6.49.0",
  accept: "application/json",
  "x-stainless-lang": "js",
  "x-stainless-runtime": "node",
};

/** The bytes of one connection with many requests, by real peers. */
async function record(server: net.Server, ask: (port: number) => Promise<void>): Promise<Step[]> {
  const relay = await startRelay(await listen(server));
  await ask(relay.port);
  await relay.close();
  server.close();
  return relay.recorded.flat();
}

function recordHttp1(): Promise<Step[]> {
  const server = http.createServer((request, response) => {
    request.resume();
    response.writeHead(200, FIELDS).end(KILOBYTE);
  });
  return record(server, async (port) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < PER_CONNECTION; i++) {
      const request = http.request({
        port,
        agent,
        method: "POST",
        path: "/v1/chat/completions",
        headers: FIELDS,
      });
      request.end(KILOBYTE);
      const [response] = await once(request, "response");
      await text(response);
    }
    agent.destroy();
  });
}

function recordHttp2(): Promise<Step[]> {
  const server = http2.createServer();
  server.on("stream", (stream) => {
    stream.resume();
    stream.respond({ ":status": 200, ...FIELDS });
    stream.end(KILOBYTE);
  });
  return record(server, async (port) => {
    const client = http2.connect(`http://127.0.0.1:${port}`);
    for (let i = 0; i < PER_CONNECTION; i++) {
      const stream = client.request({ ":method": "POST", ":path": "/v1/chat/completions", ...FIELDS });
      stream.end(KILOBYTE);
      await text(stream);
    }
    client.close();
  });
}

/** CPU seconds of `work`. */
function cpuOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function readOnce(steps: readonly Step[]): number {
  let exchanges = 0;
  const onExchange = (): void => void exchanges++;
  const onGiveUp = (reason: string): void => {
    throw new Error(reason);
  };
  const reader = createConnectionReader({ scheme: "http", limits: DEFAULT_LIMITS }, { onExchange, onGiveUp });
  for (const [direction, bytes, time] of steps) reader.push(direction, bytes as Buffer, time!);
  reader.close("ended", 0);
  return exchanges;
}

interface NodeParser {
  initialize(type: number, resource: object): void;
  execute(bytes: Uint8Array): number;
}

interface NodeParserClass {
  new (): NodeParser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

function llhttpOnce(steps: readonly Step[]): number {
  const { binding } = process as unknown as { binding(name: string): { HTTPParser: NodeParserClass } };
  const { HTTPParser } = binding.call(process, "http_parser");
  let messages = 0;
  const parserOf = (type: number): NodeParser => {
    const parser = new HTTPParser();
    parser.initialize(type, {});
    return Object.assign(parser, {
      [HTTPParser.kOnHeadersComplete]: () => 0,
      [HTTPParser.kOnBody]: () => {},
      [HTTPParser.kOnMessageComplete]: () => void messages++,
    });
  };
  const parsers = { request: parserOf(HTTPParser.REQUEST), response: parserOf(HTTPParser.RESPONSE) };
  for (const [direction, bytes] of steps) parsers[direction].execute(bytes as Buffer);
  return messages / 2;
}

function perRequest(name: string, steps: readonly Step[], read: (steps: readonly Step[]) => number): void {
  const rounds = Math.ceil(requests / PER_CONNECTION);
  for (let i = 0; i < 10; i++) read(steps);
  let exchanges = 0;
  const seconds = cpuOf(() => {
    for (let i = 0; i < rounds; i++) exchanges += read(steps);
  });
  console.log(`${name.padEnd(28)} ${((seconds / exchanges) * 1e6).toFixed(2).padStart(8)} µs per request`);
}

function throughput(name: string, opening: readonly Step[], piece: Buffer): void {
  const count = Math.ceil((256 << 20) / piece.length);
  const seconds = cpuOf(() =>
    readOnce([...opening, ...Array.from({ length: count }, (): Step => ["response", piece, 1])]),
  );
  console.log(
    `${name.padEnd(28)} ${((piece.length * count) / seconds / 1e6).toFixed(0).padStart(8)} MB per second`,
  );
}

const frame = (type: number, flags: number, length: number): Buffer =>
  Buffer.from([length >> 16, (length >> 8) & 0xff, length & 0xff, type, flags, 0, 0, 0, type === 4 ? 0 : 1]);
const chunk = (length: number): Buffer => Buffer.from(`${length.toString(16)}\r\n${"x".repeat(length)}\r\n`);
const get: Step = ["request", Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0];
const chunked: Step = ["response", Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), 1];
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const openHttp2: Step[] = [
  ["request", Buffer.concat([preface, frame(4, 0, 0), frame(1, 5, 3), Buffer.from([0x82, 0x84, 0x87])]), 0],
  ["response", Buffer.concat([frame(4, 0, 0), frame(1, 4, 1), Buffer.from([0x88])]), 1],
];
const dataFrame = Buffer.concat([frame(0, 0, 16_384), Buffer.alloc(16_384)]);

const http1 = await recordHttp1();
const h2 = await recordHttp2();
for (let round = 0; round < 3; round++) {
  perRequest("HTTP/1.1, llhttp alone", http1, llhttpOnce);
  perRequest("HTTP/1.1", http1, readOnce);
  perRequest("HTTP/2", h2, readOnce);
}
throughput("HTTP/1.1, chunks of 16 KiB", [get, chunked], chunk(16_384));
throughput(
  "HTTP/1.1, chunks of 100 B",
  [get, chunked],
  Buffer.concat(Array.from({ length: 100 }, () => chunk(100))),
);
throughput("HTTP/2, frames of 16 KiB", openHttp2, dataFrame);
