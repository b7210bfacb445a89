/**
 * A server that answers from the transcripts of the wire formats. The header `x-transcript` names the one to answer
 * with. Over TLS with h2 and http/1.1, in pieces as they come from the network, compressed for who accepts that.
 * Prints a TranscriptRequest for each request.
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createGzip } from "node:zlib";
import type { ServerArguments } from "../../../src/demo/lab/lab-server.js";
import { bytesOf, loadTranscripts, type Transcript } from "../../interaction/transcripts.js";
import type { TranscriptRequest } from "../transcript-server.js";

const PIECE = 97;
const config = JSON.parse(process.argv[2]!) as ServerArguments;
const transcripts = new Map(loadTranscripts().map((transcript) => [transcript.title, transcript]));

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

async function answer(request: Request, response: Response): Promise<void> {
  const title = String(request.headers["x-transcript"]);
  const transcript = transcripts.get(title);
  const received: TranscriptRequest = {
    title,
    method: request.method ?? "",
    host: request.headers.host ?? String(request.headers[":authority"]),
    path: request.url ?? "",
    headers: request.headers,
    body: await text(request),
  };
  process.stdout.write(`${JSON.stringify(received)}\n`);
  if (!transcript) return void response.writeHead(404).end();
  await send(transcript, /\bgzip\b/.test(String(request.headers["accept-encoding"])), response);
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
  await new Promise<void>((resolve) => server.listen(config.port, host, resolve));
}
process.stdout.write(`${JSON.stringify({ ports: config.hosts.map(() => config.port) })}\n`);
