/**
 * A server that answers from the transcripts of the wire formats. The header `x-transcript` names the one to answer
 * with. Over TLS with h2 and http/1.1, in pieces as they come from the network, compressed for who accepts that; a
 * WebSocket is told the server's messages when the client's before them have come.
 * Prints a TranscriptRequest for each request.
 */
import { on } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { type Duplex, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createGzip } from "node:zlib";
import { type WebSocket, WebSocketServer } from "ws";
import type { ServerArguments } from "../../../lab/lab-server.js";
import { bytesOf, loadTranscripts, type Transcript } from "../../interaction/transcripts.js";
import type { TranscriptRequest } from "../transcript-server.js";

const PIECE = 97;
const config = JSON.parse(process.argv[2]!) as ServerArguments;
const transcripts = new Map(loadTranscripts().map((transcript) => [transcript.title, transcript]));

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

async function answer(request: Request, response: Response): Promise<void> {
  const transcript = transcriptOf(request, await text(request));
  if (!transcript) return void response.writeHead(404).end();
  await send(transcript, /\bgzip\b/.test(String(request.headers["accept-encoding"])), response);
}

/** Logs the request and finds what it asks for. */
function transcriptOf(
  { headers, method = "", url: path = "" }: Request,
  body: string,
): Transcript | undefined {
  const title = String(headers["x-transcript"]);
  const host = headers.host ?? String(headers[":authority"]);
  const received: TranscriptRequest = { title, method, host, path, headers, body };
  process.stdout.write(`${JSON.stringify(received)}\n`);
  return transcripts.get(title);
}

async function send({ response: content }: Transcript, zipped: boolean, response: Response): Promise<void> {
  response.statusCode = content?.status ?? 200;
  response.setHeader("content-type", content?.type ?? "application/json");
  const pieces = Readable.from(piecesOf(bytesOf(content)));
  if (!zipped) return pipeline(pieces, response);
  response.setHeader("content-encoding", "gzip");
  await pipeline(pieces, createGzip(), response);
}

async function* piecesOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE) {
    yield bytes.subarray(at, at + PIECE);
    await nextTurn();
  }
}

async function converse(webSocket: WebSocket, request: Request): Promise<void> {
  const heard = on(webSocket, "message");
  for (const { from, data } of transcriptOf(request, "")?.messages ?? []) {
    if (from === "client") await heard.next();
    else webSocket.send(JSON.stringify(data));
  }
}

const webSockets = new WebSocketServer({ noServer: true });
const serve = (request: Request, response: Response): void => {
  // A client that goes away in the middle is no failure of the server.
  answer(request, response).catch(() => response.destroy());
};
for (const host of config.hosts) {
  const server = config.keyFile
    ? createSecureServer(
        { allowHTTP1: true, key: readFileSync(config.keyFile), cert: readFileSync(config.certFile!) },
        serve,
      )
    : createServer(serve);
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      converse(webSocket, request).catch(() => webSocket.terminate());
    }),
  );
  await new Promise<void>((resolve) => server.listen(config.port, host, resolve));
}
process.stdout.write(`${JSON.stringify({ ports: config.hosts.map(() => config.port) })}\n`);
