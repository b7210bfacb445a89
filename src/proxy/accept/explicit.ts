/**
 * The front of the explicit proxy, based on http-mitm-proxy: CONNECT tunnels go to our own data plane untouched; plain
 * `http://` requests are forwarded by its engine and tapped through its hooks.
 *
 * Flaws of it that are fixed here, each with a test: its final filters ignore backpressure and lower-case header names,
 * and its `listen` creates a certificate authority that is not needed.
 */

import { once } from "node:events";
import { Agent, createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { type Duplex, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type IContext, Proxy as MitmProxy } from "http-mitm-proxy";
import type { Endpoint } from "../../connection/client.js";
import type { Tap } from "../tap.js";
import { splitAuthority } from "../verdict/http-head.js";
import { type AcceptedConnection, acceptedSocket, endsOf, peek } from "./accepted-connection.js";
import { resolveForeign } from "./own-address.js";

/** @typeParam Lookup the result of `onAccept`, passed to the other callbacks */
export interface ExplicitOptions<Lookup = unknown> {
  readonly host: string;
  readonly port: number;
  /** On ::1 too, on a port of its own. */
  readonly alsoOverIpv6?: boolean;
  /** Called immediately when a client connects, while it is certain to exist. */
  readonly onAccept: (ends: { peer: Endpoint; clientRemote: Endpoint }) => Lookup;
  /** A tunnel requested by the client. */
  readonly onConnection: (accepted: AcceptedConnection, lookup: Lookup) => void;
  /** A plain request; without a tap it is forwarded and not read. */
  readonly onRequest: (
    target: Endpoint,
    ends: { peer: Endpoint; clientRemote: Endpoint },
    lookup: Lookup,
  ) => Promise<Tap | undefined>;
  /** Ports of this machine that no client may be connected to. */
  readonly isRefused?: (port: number) => boolean;
}

interface AcceptedClient<Lookup> {
  readonly ends: { peer: Endpoint; clientRemote: Endpoint };
  readonly lookup: Lookup;
}

/** Header fields as flat `[name, value, …]`, without those for the proxy only (RFC 9110 §7.6.1). */
function forwardedFields(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    if (!/^proxy-/i.test(raw[at]!)) kept.push(raw[at]!, raw[at + 1]!);
  }
  return kept;
}

/** A message head for the capture plane. The body follows chunked, whatever its framing was. */
function tappedHead(startLine: string, raw: readonly string[], hasBody: boolean): Buffer {
  const lines = [startLine];
  for (let at = 0; at < raw.length; at += 2) {
    if (!/^(content-length|transfer-encoding)$/i.test(raw[at]!)) lines.push(`${raw[at]}: ${raw[at + 1]}`);
  }
  if (hasBody) lines.push("transfer-encoding: chunked");
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

const chunkOf = (bytes: Buffer) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF]);
const CRLF = Buffer.from("\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/** Its engine, on a server of our own: no second CA, no console output, no WebSocket server. */
class Engine extends MitmProxy {
  readonly server = createServer({ keepAlive: true });

  constructor() {
    super();
    this.options = {};
    this.keepAlive = true;
    this.httpAgent = new Agent({ keepAlive: true });
    this.server.on("connect", (request, socket, head) => this._onHttpServerConnect(request, socket, head));
    this.server.on("request", (request, response) => this._onHttpServerRequest(false, request, response));
  }

  /** A client that disconnected is detected where its socket is used. */
  override _onSocketError(): void {}

  /** The original prints to the console and responds with an error page; a plain gateway error is enough. */
  override _onError(kind: string, context: IContext | null, error: Error): void {
    const response = context?.proxyToClientResponse;
    if (!response) return;
    for (const handler of context.onErrorHandlers) handler(context, error, kind);
    if (response.headersSent) response.destroy();
    else response.writeHead(504, { "Content-Length": 0, Connection: "close" }).end();
  }
}

export class ExplicitProxy<Lookup = unknown> {
  private readonly engine = new Engine();
  private readonly clients = new WeakMap<Duplex, AcceptedClient<Lookup>>();
  /** The listening port: connections that were open then may request tunnels even after it was closed. */
  port = 0;
  /** The port on ::1; undefined where it was not requested, or the machine has no IPv6. */
  portV6: number | undefined;
  private readonly overIpv6 = createTcpServer((socket) => this.engine.server.emit("connection", socket));

  private constructor(private readonly options: ExplicitOptions<Lookup>) {
    const { server } = this.engine;
    server.on("connection", (socket) => this.accept(socket));
    server.on("clientError", (_error, socket) => socket.destroy());
    this.engine.onConnect((request, socket, head) => {
      this.tunnel(request, socket as Socket, head).catch(() => socket.destroy());
    });
    this.engine.onRequest((context, callback) => {
      this.forward(context).then(() => callback(), callback);
    });
  }

  /** Throws the errors of `listen` (EADDRINUSE, EACCES). */
  static async listen<Lookup>(options: ExplicitOptions<Lookup>): Promise<ExplicitProxy<Lookup>> {
    const proxy = new ExplicitProxy(options);
    const { server } = proxy.engine;
    server.listen({ host: options.host, port: options.port });
    await once(server, "listening");
    proxy.port = (server.address() as AddressInfo).port;
    if (options.alsoOverIpv6) await proxy.listenOverIpv6();
    return proxy;
  }

  /** Stops accepting; open connections continue. */
  close(): void {
    this.overIpv6.close();
    this.engine.server.close();
    this.engine.server.closeIdleConnections();
  }

  /** Resets the connections that it still owns. */
  destroy(): void {
    this.engine.server.closeAllConnections();
    this.engine.httpAgent.destroy();
  }

  private async listenOverIpv6(): Promise<void> {
    try {
      await once(this.overIpv6.listen({ host: "::1", port: 0 }), "listening");
      this.portV6 = (this.overIpv6.address() as AddressInfo).port;
    } catch {} // EADDRNOTAVAIL, EAFNOSUPPORT
  }

  private accept(socket: Socket): void {
    socket.on("error", () => {}); // the client disconnected
    const { peer, local: clientRemote } = endsOf(socket);
    const ends = { peer, clientRemote };
    this.clients.set(socket, { ends, lookup: this.options.onAccept(ends) });
  }

  /** CONNECT (RFC 9110 §9.3.6): the tunnel is handled like any other connection. */
  private async tunnel(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const target = splitAuthority(request.url ?? "");
    const client = this.clients.get(socket);
    if (!target?.port || !client) {
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      return;
    }
    const address = await this.foreignAddress(target.host, target.port);
    if (address === undefined) {
      socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
      return;
    }
    socket.allowHalfOpen = true;
    socket.setTimeout(0);
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (head.length > 0) socket.unshift(head);
    const destination = { address, port: target.port };
    const acceptedAt = performance.timeOrigin + performance.now();
    void peek(socket).then((peeked) =>
      this.options.onConnection(
        acceptedSocket(socket, peeked, { acceptedAt, destination, ...client.ends }),
        client.lookup,
      ),
    );
  }

  /** An absolute-form request, about to be sent by the engine. */
  private async forward(context: IContext): Promise<void> {
    const request = context.clientToProxyRequest;
    const options = context.proxyToServerRequestOptions!;
    const port = Number(options.port ?? 80);
    const address = await this.foreignAddress(options.host ?? "", port);
    if (address === undefined)
      throw new Error("a request to this very proxy, or to a page of this machine's user");
    const { host: name = "" } = options;
    options.host = address;
    // An array preserves names, order and duplicates.
    (options as { headers: unknown }).headers = forwardedFields(request.rawHeaders);
    const client = this.clients.get(request.socket);
    const tap = client && (await this.options.onRequest({ address: name, port }, client.ends, client.lookup));
    tap?.push("request", tappedHead(`${request.method} ${options.path} HTTP/1.1`, request.rawHeaders, true));
    context.addRequestFilter(this.requestTap(context, tap));
    context.onResponse((_context, _callback) => void this.answer(context, tap));
    context.onError(() => tap?.close("server_closed"));
  }

  /** Copies the request's body, with the backpressure that the engine's own filter lacks. */
  private requestTap(context: IContext, tap: Tap | undefined): Transform {
    return new Transform({
      transform(bytes: Buffer, _encoding, done) {
        tap?.push("request", chunkOf(bytes));
        const upstream = context.proxyToServerRequest;
        if (upstream?.writableNeedDrain) upstream.once("drain", () => done(null, bytes));
        else done(null, bytes);
      },
      flush(done) {
        tap?.push("request", LAST_CHUNK);
        done();
      },
    });
  }

  /** Forwards the response unchanged. The engine's own way would lower-case header names and ignore backpressure. */
  private async answer(context: IContext, tap: Tap | undefined): Promise<void> {
    const upstream = context.serverToProxyResponse!;
    const response = context.proxyToClientResponse;
    const { statusCode = 502, statusMessage = "", rawHeaders } = upstream;
    response.sendDate = false;
    try {
      response.writeHead(statusCode, statusMessage, forwardedFields(rawHeaders));
    } catch {
      // Node's parser accepts a status such as 099, but does not send it.
      upstream.destroy();
      response.writeHead(502, { "Content-Length": 0, Connection: "close" }).end();
      tap?.close("server_closed");
      return;
    }
    // A HEAD, 204 or 304 has no body, and therefore no last chunk either (RFC 9112 §6.3).
    const hasBody =
      context.clientToProxyRequest.method !== "HEAD" && statusCode !== 204 && statusCode !== 304;
    tap?.push("response", tappedHead(`HTTP/1.1 ${statusCode} ${statusMessage}`, rawHeaders, hasBody));
    if (tap) upstream.on("data", (bytes: Buffer) => tap.push("response", chunkOf(bytes)));
    try {
      await pipeline(upstream, response);
      if (hasBody) tap?.push("response", LAST_CHUNK);
      tap?.close("ended");
    } catch {
      tap?.close(upstream.complete ? "client_aborted" : "server_closed");
      response.destroy();
    }
  }

  /**
   * A client must not reach the proxy through itself: each round would open two more connections, endlessly. Nor may it
   * reach pages that are served on this machine for its user alone. Returns the host as given, or its address where it
   * was looked up; undefined when it leads back here, or nowhere.
   */
  private async foreignAddress(host: string, port: number): Promise<string | undefined> {
    if (port !== this.port && port !== this.portV6 && !this.options.isRefused?.(port)) return host;
    const found = await resolveForeign(host).catch(() => "own" as const);
    return found === "own" ? undefined : found.address;
  }
}
