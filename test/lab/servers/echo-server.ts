/**
 * A server that speaks everything, for tests of the way there and back. Over TLS with h2 and http/1.1:
 *
 *   GET  /download/BYTES          that many bytes, always the same ones
 *   POST /upload/RATE             reads RATE bytes a second (0: as fast as it can), answers {"bytes","sha256"}
 *   GET  /events/COUNT/INTERVAL   server-sent events, INTERVAL ms apart, each with the time it was sent
 *   POST /lockstep                server-sent events, one for each line of the request's body, as it comes
 *   POST /v1/chat/completions     a chat completion that says the last message again; as a stream of `n` chunks when asked
 *   GET  /reset                   sends half an answer, then resets
 *   GET  /files/PATH              a file of the setting `folder`
 *   GET  /page                    for browsers: fetches, opens a WebSocket and an event stream; see page.html
 *   GET  /wait                    answers when /done is asked for, which is how a page keeps itself loading
 *   WebSocket anywhere            sends back each message, with permessage-deflate when asked for; over h2 (RFC 8441)
 *                                 too, without
 *   gRPC anywhere                 sends back each message, then `grpc-status: 0` in trailers
 *   all else                      the request as JSON
 *
 * Prints a ReceivedConnection when a connection is over. Settings: see EchoSettings.
 */
import { createCipheriv, createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { join } from "node:path";
import type { Duplex, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { createServer as createTls } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import type { ServerArguments } from "../../../lab/lab-server.js";
import type { EchoSettings } from "../echo-server.js";
import { RecordedSocket } from "./received-connection.js";

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

const config = JSON.parse(process.argv[2]!) as ServerArguments & EchoSettings;
const pages = new EventEmitter();
const PAGE = readFileSync(new URL("page.html", import.meta.url));

const serve = (request: Request, response: Response): void => {
  // A client that goes away is what many tests are about.
  answer(request, response).catch(() => response.destroy());
};
const http1 = createHttp1(serve);
/** What ws makes of an upgraded socket. Not among its types, because its own server knows HTTP/1.1 only. */
const UpgradedWebSocket = WebSocket as unknown as new (
  address: null,
  protocols: undefined,
  options: { autoPong: boolean; closeTimeout: number },
) => WebSocket & { setSocket(socket: Duplex, head: Buffer, options: { maxPayload: number }): void };

const enableConnectProtocol = config.webSocketOverH2 !== "refused";
const http2 = createHttp2({ settings: { enableConnectProtocol } }, serve);
const webSockets = new WebSocketServer({ server: http1, perMessageDeflate: true });
webSockets.on("connection", echoMessages);
http2.on("connect", ({ stream }: Http2ServerRequest) => {
  stream.respond({ ":status": 200 });
  const webSocket = new UpgradedWebSocket(null, undefined, { autoPong: true, closeTimeout: 30_000 });
  webSocket.setSocket(stream, Buffer.alloc(0), { maxPayload: 0 });
  echoMessages(webSocket);
});

function echoMessages(webSocket: WebSocket): void {
  webSocket.on("message", (data, isBinary) => webSocket.send(data, { binary: isBinary }));
  webSocket.on("error", () => webSocket.terminate());
}

async function answer(request: Request, response: Response): Promise<void> {
  const [, verb, first, second] = (request.url ?? "/").split("/");
  if (request.headers["content-type"]?.startsWith("application/grpc")) return echoGrpc(request, response);
  switch (verb) {
    case "download":
      response.setHeader("content-length", Number(first));
      return pipeline(bytes(Number(first)), response);
    case "upload":
      return sendJson(response, await digest(request, Number(first)));
    case "events":
      response.setHeader("content-type", "text/event-stream");
      return pipeline(events(Number(first), Number(second)), response);
    case "lockstep":
      response.setHeader("content-type", "text/event-stream");
      return pipeline(request, eventOfEach, response);
    case "v1":
      return echoChat(response, JSON.parse(String(await buffer(request))) as ChatRequest);
    case "reset":
      response.setHeader("content-length", 1000);
      (response as Writable).write("half an answer");
      await pause(20);
      if ("stream" in response) response.stream.close(2 /* INTERNAL_ERROR, RFC 9113 §7 */);
      else request.socket.destroy();
      return;
    case "files":
      response.setHeader("content-type", "application/octet-stream");
      return sendFile(response, new URL(request.url!, "file:").pathname.slice("/files".length));
    case "page":
      response.setHeader("content-type", "text/html");
      return void response.end(PAGE);
    case "wait":
      await once(pages, "done");
      return void response.end();
    case "done":
      pages.emit("done");
      return void response.end();
    default: {
      const { method, url, httpVersion, rawHeaders } = request;
      return sendJson(response, {
        method,
        url,
        httpVersion,
        rawHeaders,
        body: (await buffer(request)).toString(),
      });
    }
  }
}

interface ChatRequest {
  readonly messages: ReadonlyArray<{ readonly content: string }>;
  readonly stream?: boolean;
  /** Chunks of a stream. */
  readonly n?: number;
}

/** In OpenAI's format; the chunks of a stream are numbered, so that a lost or doubled one is seen. */
function echoChat(response: Response, { messages, stream, n = 1 }: ChatRequest): void | Promise<void> {
  const content = messages.at(-1)!.content;
  const choice = { index: 0, finish_reason: "stop" };
  if (!stream) {
    return sendJson(response, {
      object: "chat.completion",
      choices: [{ ...choice, message: { role: "assistant", content } }],
    });
  }
  response.setHeader("content-type", "text/event-stream");
  const chunk = (delta: object) => ({ object: "chat.completion.chunk", choices: [{ index: 0, delta }] });
  function* chunks() {
    for (let i = 0; i < n; i++) yield `data: ${JSON.stringify(chunk({ content: `${content} ${i}\n` }))}\n\n`;
    yield `data: ${JSON.stringify({ ...chunk({}), choices: [{ ...choice, delta: {} }] })}\n\ndata: [DONE]\n\n`;
  }
  return pipeline(chunks, response);
}

/** Messages are sent back as they come, in their framing (five bytes before each), which is not looked at. */
function echoGrpc(request: Request, response: Response): Promise<void> {
  response.setHeader("content-type", "application/grpc");
  response.addTrailers({ "grpc-status": "0", "grpc-message": "OK" });
  return pipeline(request, response);
}

/** The path is normal: no `..` leads out of the folder. */
async function sendFile(response: Response, path: string): Promise<void> {
  const content = await readFile(join(config.folder ?? "/nowhere", path)).catch(() => undefined);
  response.statusCode = content ? 200 : 404;
  response.end(content ?? "");
}

function sendJson(response: Response, value: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}

/** Bytes that do not compress and are the same each time: a key stream. */
function* bytes(total: number): Generator<Buffer> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16));
  const zeros = Buffer.alloc(64 << 10);
  for (let left = total; left > 0; left -= zeros.length) {
    yield cipher.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
  }
}

async function* eventOfEach(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  for await (const chunk of chunks) {
    for (const line of String(chunk).trimEnd().split("\n")) yield `data: ${line}\n\n`;
  }
}

async function* events(count: number, interval: number): AsyncGenerator<string> {
  const start = performance.now();
  for (let index = 0; index < count; index++) {
    // From the start, so that the interval does not grow by what each event takes.
    await pause(Math.max(0, start + index * interval - performance.now()));
    yield `data: ${JSON.stringify({ index, sentAt: performance.timeOrigin + performance.now() })}\n\n`;
  }
}

async function digest(body: AsyncIterable<Buffer>, rate: number): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  const start = performance.now();
  let total = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    total += chunk.length;
    const early = rate > 0 ? start + (total / rate) * 1000 - performance.now() : 0;
    if (early > 1) await pause(early);
  }
  return { bytes: total, sha256: hash.digest("hex") };
}

const tls = {
  key: readFileSync(config.keyFile!),
  cert: readFileSync(config.certFile!),
  ALPNProtocols: ["h2", "http/1.1"],
  requestCert: config.clientCertificate === "asked",
  rejectUnauthorized: false,
};
for (const host of config.hosts) {
  // As servers do; else window updates wait for acknowledgements, 40 ms at worst.
  const server = createTls({ ...tls, noDelay: true }, (socket) => {
    const recorded = new RecordedSocket(socket, (received) => console.log(JSON.stringify(received)));
    (socket.alpnProtocol === "h2" ? http2 : http1).emit("connection", recorded);
  });
  await once(server.listen(config.port, host), "listening");
}
console.log(JSON.stringify({ ports: config.hosts.map(() => config.port) }));
