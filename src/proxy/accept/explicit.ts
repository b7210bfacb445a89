/**
 * The front of the explicit proxy, by http-mitm-proxy: CONNECT tunnels go to our own data plane untouched; plain
 * `http://` requests are forwarded by its engine and tapped through its hooks.
 *
 * Put right here, each with a test: its final filters know no backpressure and fold the case of header names,
 * and its `listen` makes a certificate authority of its own, which nobody needs.
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

/** @typeParam Lookup what `onAccept` answers, and the others are given back */
export interface ExplicitOptions<Lookup = unknown> {
  readonly host: string;
  readonly port: number;
  /** On ::1 too, at a port of its own. */
  readonly alsoOverIpv6?: boolean;
  /** Called at once when a client connects, while it surely exists. */
  readonly onAccept: (ends: { peer: Endpoint; clientRemote: Endpoint }) => Lookup;
  /** A tunnel that the client asked for. */
  readonly onConnection: (accepted: AcceptedConnection, lookup: Lookup) => void;
  /** A plain request; without a tap it is forwarded and not read. */
  readonly onRequest: (
    target: Endpoint,
    ends: { peer: Endpoint; clientRemote: Endpoint },
    lookup: Lookup,
  ) => Promise<Tap | undefined>;
  /** Ports of this machine that nobody is connected to. */
  readonly isRefused?: (port: number) => boolean;
}

interface AcceptedClient<Lookup> {
  readonly ends: { peer: Endpoint; clientRemote: Endpoint };
  readonly lookup: Lookup;
}

/** Header fields as flat `[name, value, …]`, without those that only concern us (RFC 9110 §7.6.1). */
function forwardedFields(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    if (!/^proxy-/i.test(raw[at]!)) kept.push(raw[at]!, raw[at + 1]!);
  }
  return kept;
}

/** A message head as the capture plane reads it. The body follows chunked, whatever its framing was. */
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

/** Its engine, on a server that we make: no second CA, nothing on the console, no WebSocket server. */
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

  /** A client that went away is seen where its socket is used. */
  override _onSocketError(): void {}

  /** Its own prints to the console and answers in prose; a gateway's plain answer will do. */
  override _onError(kind: string, context: IContext | null, error: Error): void {
    const response = context?.proxyToClientResponse;
    if (!response) return;
    for (const tell of context.onErrorHandlers) tell(context, error, kind);
    if (response.headersSent) response.destroy();
    else response.writeHead(504, { "Content-Length": 0, Connection: "close" }).end();
  }
}

export class ExplicitProxy<Lookup = unknown> {
  private readonly engine = new Engine();
  private readonly clients = new WeakMap<Duplex, AcceptedClient<Lookup>>();
  /** Where it listened: connections that were open then ask for tunnels after it was closed, too. */
  port = 0;
  /** The port at ::1; undefined where that was not asked for, or the machine has no IPv6. */
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

  /** Throws what `listen` throws (EADDRINUSE, EACCES). */
  static async listen<Lookup>(options: ExplicitOptions<Lookup>): Promise<ExplicitProxy<Lookup>> {
    const proxy = new ExplicitProxy(options);
    const { server } = proxy.engine;
    server.listen({ host: options.host, port: options.port });
    await once(server, "listening");
    proxy.port = (server.address() as AddressInfo).port;
    if (options.alsoOverIpv6) await proxy.listenOverIpv6();
    return proxy;
  }

  /** Stops accepting; open connections go on. */
  close(): void {
    this.overIpv6.close();
    this.engine.server.close();
    this.engine.server.closeIdleConnections();
  }

  /** Resets the connections that it still holds. */
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
    socket.on("error", () => {}); // a client that went away
    const { peer, local: clientRemote } = endsOf(socket);
    const ends = { peer, clientRemote };
    this.clients.set(socket, { ends, lookup: this.options.onAccept(ends) });
  }

  /** CONNECT (RFC 9110 §9.3.6): the tunnel is a connection like any other. */
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

  /** A request in absolute form, about to be sent by the engine. */
  private async forward(context: IContext): Promise<void> {
    const request = context.clientToProxyRequest;
    const options = context.proxyToServerRequestOptions!;
    const port = Number(options.port ?? 80);
    const address = await this.foreignAddress(options.host ?? "", port);
    if (address === undefined)
      throw new Error("a request to this very proxy, or to a page of this machine's user");
    const { host: name = "" } = options;
    options.host = address;
    // An array keeps names, order and duplicates as they came.
    (options as { headers: unknown }).headers = forwardedFields(request.rawHeaders);
    const client = this.clients.get(request.socket);
    const tap = client && (await this.options.onRequest({ address: name, port }, client.ends, client.lookup));
    tap?.push("request", tappedHead(`${request.method} ${options.path} HTTP/1.1`, request.rawHeaders, true));
    context.addRequestFilter(this.requestTap(context, tap));
    context.onResponse((_context, _callback) => void this.answer(context, tap));
    context.onError(() => tap?.close("server_closed"));
  }

  /** Copies the request's body, and waits where the engine's own filter does not. */
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

  /** Sends the answer on as it came. The engine's own way would fold header names and hold no backpressure. */
  private async answer(context: IContext, tap: Tap | undefined): Promise<void> {
    const upstream = context.serverToProxyResponse!;
    const response = context.proxyToClientResponse;
    const { statusCode = 502, statusMessage = "", rawHeaders } = upstream;
    response.sendDate = false;
    try {
      response.writeHead(statusCode, statusMessage, forwardedFields(rawHeaders));
    } catch {
      // Node's parser takes a status of 099 and more of the kind; it sends none.
      upstream.destroy();
      response.writeHead(502, { "Content-Length": 0, Connection: "close" }).end();
      tap?.close("server_closed");
      return;
    }
    // A HEAD, 204 or 304 has no body, and so no last chunk either (RFC 9112 §6.3).
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
   * A client must not reach the proxy through itself: each turn would cost two more connections, without an end. Nor
   * what is served on this machine for its user alone. The host as it was given, or its address where it was looked
   * up; undefined when it leads back here, or nowhere.
   */
  private async foreignAddress(host: string, port: number): Promise<string | undefined> {
    if (port !== this.port && port !== this.portV6 && !this.options.isRefused?.(port)) return host;
    const found = await resolveForeign(host).catch(() => "own" as const);
    return found === "own" ? undefined : found.address;
  }
}
