import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import { constants, createGzip } from "node:zlib";
import * as anthropic from "./anthropic-replies.js";
import { isRecord } from "./canned-answer.js";
import * as openai from "./openai-replies.js";
import type { Reply } from "./reply.js";

/** A request as the server received it. */
export interface ReceivedRequest {
  /** The server name in the client's hello; null over plain HTTP or without SNI. */
  readonly serverName: string | null;
  readonly remoteAddress: string | null;
  readonly remotePort: number | null;
  readonly httpVersion: string;
  readonly method: string;
  readonly url: string;
  /** Names and values alternating, in order and case as received. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export interface AiServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** PEM; absent means plain HTTP/1.1. With TLS, h2 and http/1.1 are offered by ALPN. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  readonly log?: (request: ReceivedRequest) => void;
  /** `gzip` compresses for clients that accept it. */
  readonly contentEncoding?: "identity" | "gzip";
  /** Milliseconds between the events of a stream; default 10. */
  readonly eventInterval?: number;
}

export interface AiServer {
  readonly port: number;
  close(): Promise<void>;
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/**
 * Starts a server that behaves like api.openai.com (POST /v1/chat/completions) and api.anthropic.com
 * (POST /v1/messages), plain and streamed, under any name. Rejects when it cannot listen.
 */
export async function startAiServer(options: AiServerOptions): Promise<AiServer> {
  const serve = (request: Request, response: Response): void => {
    // A client that disconnects midway is not a failure of the server.
    handle(request, response, options).catch(() => response.destroy());
  };
  const server =
    options.tls === undefined
      ? createServer(serve)
      : createSecureServer({ ...options.tls, allowHTTP1: true, ALPNProtocols: ["h2", "http/1.1"] }, serve);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function handle(request: Request, response: Response, options: AiServerOptions): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  options.log?.(received(request, body));
  const accepts = request.headers["accept-encoding"];
  const gzip = options.contentEncoding === "gzip" && /\bgzip\b/.test(String(accepts ?? ""));
  await send(response, replyTo(request, body), gzip ? "gzip" : "identity", options.eventInterval ?? 10);
}

/** The path determines the provider, so one server can stand in for all of them. */
function replyTo(request: Request, body: string): Reply {
  const path = (request.url ?? "/").split("?", 1)[0];
  const parsed = parseObject(body);
  if (request.method === "POST" && path === "/v1/messages") {
    return parsed
      ? anthropic.message(parsed)
      : anthropic.invalidRequest("The request body is not valid JSON");
  }
  if (request.method === "POST" && path === "/v1/chat/completions") {
    return parsed
      ? openai.chatCompletion(parsed)
      : openai.invalidRequest("We could not parse the JSON body of your request.", null);
  }
  if (request.headers["anthropic-version"] !== undefined) return anthropic.notFound("Not Found");
  return openai.invalidRequest(`Invalid URL (${request.method} ${path})`, null, 404);
}

async function send(
  response: Response,
  reply: Reply,
  encoding: "identity" | "gzip",
  eventInterval: number,
): Promise<void> {
  let chunks: Iterable<string> | AsyncIterable<string>;
  if (reply.kind === "json") {
    const text = JSON.stringify(reply.body);
    chunks = [text];
    response.statusCode = reply.status;
    response.setHeader("content-type", "application/json");
    if (encoding === "identity") response.setHeader("content-length", Buffer.byteLength(text));
  } else {
    chunks = paced(reply.events, eventInterval);
    response.setHeader("content-type", "text/event-stream; charset=utf-8");
    response.setHeader("cache-control", "no-cache");
  }
  if (encoding === "identity") return pipeline(chunks, response);
  response.setHeader("content-encoding", "gzip");
  // Each event must be sent immediately, so each is flushed.
  await pipeline(chunks, createGzip({ flush: constants.Z_SYNC_FLUSH }), response);
}

async function* paced(events: readonly string[], interval: number): AsyncGenerator<string> {
  for (const [index, event] of events.entries()) {
    if (index > 0) await pause(interval);
    yield event;
  }
}

function received(request: Request, body: string): ReceivedRequest {
  const { socket } = request;
  return {
    serverName:
      socket instanceof TLSSocket && typeof socket.servername === "string" ? socket.servername : null,
    remoteAddress: socket.remoteAddress ?? null,
    remotePort: socket.remotePort ?? null,
    httpVersion: request.httpVersion,
    method: request.method ?? "",
    url: request.url ?? "",
    rawHeaders: request.rawHeaders,
    body,
  };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}
