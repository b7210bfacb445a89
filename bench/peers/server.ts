/**
 * The upstream of the comparison: an HTTP/1.1 server over TLS that does as little as it can.
 *
 *   /v1/chat/completions       1 KB of JSON        /large   100 KB
 *   /events/COUNT/INTERVAL     server-sent events, each with the time it was sent
 *   /bulk/BYTES                that many bytes
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { createServer as createTls } from "node:tls";
import type { ServerArguments } from "../../lab/lab-server.js";

const config = JSON.parse(process.argv[2]!) as ServerArguments;

const answerOf = (content: string) =>
  Buffer.from(
    JSON.stringify({
      id: "chatcmpl-1",
      object: "chat.completion",
      model: "gpt-4",
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
      usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
    }),
  );
const small = answerOf("x".repeat(800));
const large = answerOf("y".repeat(100_000));
const block = Buffer.alloc(64 << 10, "z");

function sendJson(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
}

function* blocks(total: number): Generator<Buffer> {
  for (let left = total; left > 0; left -= block.length) yield block.subarray(0, left);
}

const http = createServer((request, response) => {
  request.resume();
  const [, verb, first, second] = request.url!.split("/");
  if (verb === "large") sendJson(response, large);
  else if (verb === "bulk") {
    response.writeHead(200, { "content-length": first });
    Readable.from(blocks(Number(first))).pipe(response);
  } else if (verb === "events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let left = Number(first);
    const timer = setInterval(() => {
      response.write(`data: ${JSON.stringify({ sentAt: performance.timeOrigin + performance.now() })}\n\n`);
      if (--left > 0) return;
      clearInterval(timer);
      response.end();
    }, Number(second));
  } else sendJson(response, small);
});
http.keepAliveTimeout = 600_000;

const tls = { key: readFileSync(config.keyFile!), cert: readFileSync(config.certFile!) };
for (const host of config.hosts) {
  // As servers do; else an answer waits for the acknowledgement of the session tickets, 40 ms at worst.
  const server = createTls({ ...tls, noDelay: true }, (socket) => http.emit("connection", socket));
  await once(server.listen({ port: config.port, host, backlog: 1024 }), "listening");
}
console.log(JSON.stringify({ ports: config.hosts.map(() => config.port) }));
