/**
 * A server that answers as the providers do, with the transcripts of their formats, each request by its path. Over TLS
 * with h2 and http/1.1:
 *
 *   POST …/chat/completions, /v1/messages, /v2/chat, …:generateContent, …/converse, /api/chat, …
 *                            a transcript, streamed for who asks for that
 *   POST …/responses         a short answer, likewise
 *   WebSocket                the Responses API
 *   gRPC, Connect            sends back each message
 *   GET  /page?key=…         a page that asks a question (`clients/page.html`) and then for /answered
 *   GET  /wait?key=…         is answered when the page of that key has asked for /answered
 *   GET  /….git/info/refs    the one branch of a repository
 *   all else                 404 in JSON
 *
 * Prints a ProviderRequest for each request.
 */
import { EventEmitter, on, once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { TLSSocket } from "node:tls";
import { trackClientHellos } from "read-tls-client-hello";
import { type WebSocket, WebSocketServer } from "ws";
import type { ServerArguments } from "../../../../lab/lab-server.js";
import { bytesOf, loadTranscripts, type Transcript } from "../../../interaction/transcripts.js";
import { KEY, type ProviderRequest } from "../provider-server.js";
import { responseEvents, wholeResponse } from "./responses.js";

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

const config = JSON.parse(process.argv[2]!) as ServerArguments;
const transcripts = new Map(loadTranscripts().map((transcript) => [transcript.title, transcript]));
const pages = new EventEmitter();
const PAGE = readFileSync(new URL("../clients/page.html", import.meta.url));

/** Host and path without query, and the transcripts that answer, whole and streamed. */
const ANSWERS: ReadonlyArray<readonly [path: RegExp, whole: string, streamed: string]> = [
  [/^api\.mistral\.ai.*\/chat\/completions$/, "openai_chat/mistral", "openai_chat/mistral-stream"],
  [/\/chat\/completions$/, "openai_chat/plain", "openai_chat/stream"],
  [/\/messages\/count_tokens$/, "anthropic_count_tokens/plain", "anthropic_count_tokens/plain"],
  [/\/messages$/, "anthropic_messages/plain", "anthropic_messages/stream"],
  [/:countTokens$/, "gemini_count_tokens/plain", "gemini_count_tokens/plain"],
  [/:generateContent$/, "gemini/plain", "gemini/plain"],
  [/:streamGenerateContent$/, "gemini/stream-sse", "gemini/stream-sse"],
  [/\/v2\/chat$/, "cohere_chat/v2", "cohere_chat/v2-stream"],
  [/\/converse$/, "bedrock_converse/plain", "bedrock_converse/plain"],
  [/\/converse-stream$/, "bedrock_converse/stream", "bedrock_converse/stream"],
  [/\/api\/chat$/, "ollama_chat/plain", "ollama_chat/stream"],
];

/** gitprotocol-http(5), version 0: one line for the service, one for each reference. */
const REFERENCES = [
  "001e# service=git-upload-pack\n",
  "0000",
  `003d${"1".repeat(40)} refs/heads/main\n`,
  "0000",
].join("");

async function answer(request: Request, response: Response): Promise<void> {
  const path = pathOf(request);
  if (/^application\/(?:grpc|connect\+)/.test(request.headers["content-type"] ?? "")) {
    log(request, 200);
    response.setHeader("content-type", "application/grpc");
    response.addTrailers({ "grpc-status": "0", "grpc-message": "OK" });
    return pipeline(request, response);
  }
  const body = await buffer(request);
  const transcript = transcriptFor(request, path, body);
  if (transcript)
    return send(request, response, 200, transcript.response!.type, bytesOf(transcript.response));
  if (request.method === "POST" && path.endsWith("/responses")) return respond(request, response, body);
  const key = keyIn(request) ?? "";
  if (path === "/page") return send(request, response, 200, "text/html", PAGE);
  if (path === "/answered") {
    send(request, response, 200, "text/plain", "");
    return void pages.emit(key);
  }
  if (path === "/wait") {
    await once(pages, key);
    return send(request, response, 200, "text/plain", "");
  }
  if (path.endsWith(".git/info/refs")) {
    return send(request, response, 200, "application/x-git-upload-pack-advertisement", REFERENCES);
  }
  const error = { message: `Invalid URL (${request.method} ${path})`, type: "invalid_request_error" };
  send(request, response, 404, "application/json", JSON.stringify({ error }));
}

function transcriptFor(request: Request, path: string, body: Buffer): Transcript | undefined {
  if (request.method !== "POST") return undefined;
  const [, whole, streamed] = ANSWERS.find(([pattern]) => pattern.test(`${hostOf(request)}${path}`)) ?? [];
  if (whole === undefined || streamed === undefined) return undefined;
  return transcripts.get(isStreamAsked(path, body) ? streamed : whole);
}

function respond(request: Request, response: Response, body: Buffer): void {
  const { model, stream } = JSON.parse(body.toString()) as { model?: unknown; stream?: unknown };
  const events = responseEvents(model).map(
    (event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
  );
  const [type, text] =
    stream === true
      ? ["text/event-stream; charset=utf-8", events.join("")]
      : ["application/json", JSON.stringify(wholeResponse(model))];
  send(request, response, 200, type, text);
}

/** By the body, as most do. Ollama streams for who does not say otherwise. */
function isStreamAsked(path: string, body: Buffer): boolean {
  try {
    const { stream } = JSON.parse(body.toString()) as { stream?: unknown };
    return stream === undefined ? path === "/api/chat" : stream === true;
  } catch {
    return false;
  }
}

function send(
  request: Request,
  response: Response,
  status: number,
  type: string,
  body: Buffer | string,
): void {
  log(request, status);
  response.statusCode = status;
  response.setHeader("content-type", type);
  response.setHeader("content-length", Buffer.byteLength(body));
  (response as ServerResponse).end(body);
}

const hostOf = ({ headers }: Request): string => String(headers.host ?? headers[":authority"]);
const pathOf = (request: Request): string => (request.url ?? "/").split("?", 1)[0]!;

function keyIn({ url, headers }: Request): string | null {
  const basic = /^Basic (.+)$/.exec(headers.authorization ?? "")?.[1];
  const decoded = basic === undefined ? "" : Buffer.from(basic, "base64").toString();
  return KEY.exec(`${url} ${JSON.stringify(headers)} ${decoded}`)?.[0] ?? null;
}

function log(request: Request, status: number): void {
  // What http2 gives as the socket of a request lets only some properties through.
  const socket = "stream" in request ? request.stream.session?.socket : request.socket;
  const { tlsClientHello: hello } = (socket ?? {}) as Pick<TLSSocket, "tlsClientHello">;
  const received: ProviderRequest = {
    key: keyIn(request),
    host: hostOf(request),
    method: request.method ?? "",
    path: pathOf(request),
    status,
    httpVersion: request.httpVersion,
    ja3: hello?.ja3 ?? null,
    ja4: hello?.ja4 ?? null,
    resumed: socket instanceof TLSSocket && socket.isSessionReused(),
    remotePort: socket?.remotePort ?? null,
  };
  process.stdout.write(`${JSON.stringify(received)}\n`);
}

/** The Responses API over a WebSocket: each message of the client is a turn. */
async function converse(webSocket: WebSocket, request: IncomingMessage): Promise<void> {
  log(request, 101);
  for await (const [message] of on(webSocket, "message", { close: ["close"] })) {
    const { model } = JSON.parse(String(message)) as { model?: unknown };
    for (const event of responseEvents(model)) webSocket.send(JSON.stringify(event));
  }
}

const webSockets = new WebSocketServer({ noServer: true });
const tls = { key: readFileSync(config.keyFile!), cert: readFileSync(config.certFile!), allowHTTP1: true };
for (const host of config.hosts) {
  const server = createSecureServer(tls, (request, response) => {
    // A client that goes away in the middle is no failure of the server.
    answer(request, response).catch(() => response.destroy());
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      converse(webSocket, request).catch(() => webSocket.terminate());
    }),
  );
  trackClientHellos(server);
  await once(server.listen(config.port, host), "listening");
}
process.stdout.write(`${JSON.stringify({ ports: config.hosts.map(() => config.port) })}\n`);
