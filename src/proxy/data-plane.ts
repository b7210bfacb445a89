/**
 * The data plane: from an arrival to its end. It decides, connects, relays, and lets a tap copy what passes.
 * It never parses HTTP and never waits for the capture plane.
 */

import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { AppMatch, Endpoint, Owner } from "../attribution/client.js";
import { LruCache } from "../lru-cache.js";
import { type Arrival, peek, socketArrival } from "./arrival.js";
import type { ClientHello } from "./client-hello.js";
import type { LeafMint } from "./leaf.js";
import { abort, type RelayEnd, relay, type Side, tcpSide } from "./relay.js";
import type { ConnectionInfo, Tap, TapSink } from "./tap.js";
import type { UpstreamConnector } from "./upstream.js";
import { decide, type HostKnowledge, readOpening } from "./verdict.js";

/** A client as the verdict needs it. */
export interface KnownClient {
  readonly owner: Owner;
  readonly app?: AppMatch;
}

export interface DataPlaneOptions {
  readonly mint: LeafMint;
  readonly upstream: UpstreamConnector;
  readonly taps: TapSink;
  /** Where a destination is reached: at itself, but in the demo. */
  readonly route: (destination: Endpoint) => Endpoint;
  /** Asked for each connection, so that a refreshed bundle counts at once. */
  readonly knowledgeOf: (host: string, port: number) => HostKnowledge;
  /** Waits to know who the client is only where that can matter. */
  readonly leaveAlone: (
    host: string,
    whenKnown: Promise<KnownClient>,
  ) => Promise<"app_not_selected" | "pinned" | undefined>;
  /** Connections that are read at a time; more pass through. */
  readonly maxIntercepted: number;
  /** A client turned our certificate down: with this alert, or by going away in silence. */
  readonly onRefusal: (host: string, client: KnownClient, how: string) => void;
}

/** Counters since the start, and the connections that are open now. */
export interface DataPlaneStats {
  accepted: number;
  intercepted: number;
  passedThrough: number;
  open: number;
}

/** Alerts by which a client says that it does not trust our certificate (RFC 8446 §6.2: 42, 46, 48). */
const CERTIFICATE_ALERT = /alert (bad certificate|certificate unknown|unknown ca)/i;

const now = () => performance.timeOrigin + performance.now();

export class DataPlane {
  readonly stats: DataPlaneStats = { accepted: 0, intercepted: 0, passedThrough: 0, open: 0 };
  private nextId = 1;
  private readonly live = new Set<Socket>();
  /** Hosts that ask clients for a certificate, which only the client itself can show. */
  private readonly clientCertificateHosts = new LruCache<string, true>(1_000);
  private idle: (() => void) | undefined;

  constructor(private readonly options: DataPlaneOptions) {}

  /**
   * Sees one connection through. Never rejects. `client` is looked up by the listener at accept, and once more when
   * it speaks only later: by then it may have run another program, or handed its connection to a child.
   */
  handle(
    arrival: Arrival,
    client: Promise<KnownClient>,
    lookUpAgain: () => Promise<KnownClient> = () => client,
  ): Promise<void> {
    this.stats.accepted++;
    this.stats.open++;
    const { reject } = arrival;
    const end = arrival.isSilent ? this.awaitFirstWord(arrival, lookUpAgain) : this.dispatch(arrival, client);
    // Whatever fails in here is ours; the client must see an end, not a hang.
    return end.catch(reject).then(() => {
      this.stats.open--;
      if (this.stats.open === 0) this.idle?.();
    });
  }

  /**
   * From here on, what sees a connection to its end is returned and not awaited: an idle one, of which there can be
   * thousands, holds nothing of what was only needed to decide (first bytes, hello).
   */
  private async dispatch(arrival: Arrival, whenKnown: Promise<KnownClient>): Promise<unknown> {
    const destination = arrival.destination;
    if (!destination) return arrival.reject();
    const opening = readOpening(arrival.peeked);
    const verdict = decide(opening, destination, this.options.knowledgeOf);
    if (verdict.action === "passthrough" && !verdict.known) {
      // Nobody asks who it was: it need not wait for the answer.
      return this.pass(arrival, destination, verdict.host ?? destination.address);
    }
    const connection = { arrival, destination, whenKnown, id: this.nextId++ };
    const host = verdict.host ?? "";
    const alone = await this.options.leaveAlone(host, whenKnown);
    if (alone === "app_not_selected") {
      // A filtered-out app is none of our business: not even its connections are told.
      return this.pass(arrival, destination, host);
    }
    const asked = this.clientCertificateHosts.get(host) ? "upstream_client_certificate" : undefined;
    const full = this.isFull() ? "too_many_connections" : undefined;
    const reason = verdict.action === "passthrough" ? verdict.reason : (alone ?? asked ?? full);
    if (reason) return this.passThrough(connection, host, reason);
    if (opening.kind === "tls") return this.interceptTls(connection, host, opening.hello);
    return this.interceptPlain(connection, host);
  }

  /**
   * Connects a client that is silent so far and sees who speaks first. A client that does was slow to start, and is
   * decided on like any other; that connection becomes its way to the server.
   */
  private async awaitFirstWord(arrival: Arrival, lookUp: () => Promise<KnownClient>): Promise<unknown> {
    const { destination } = arrival;
    if (destination && this.isFull()) return this.pass(arrival, destination, destination.address);
    const client = destination && arrival.take();
    if (!client) return arrival.reject();
    this.track(client);
    const target = this.options.route(destination);
    const server = await this.options.upstream.proxy.dial(target, destination.address);
    let unused: Side | undefined = server;
    const takeServer = () => {
      const taken = unused;
      unused = undefined;
      return taken;
    };
    try {
      const peeked = (await speaksFirst(client, server.stream)) ? await peek(client) : Buffer.alloc(0);
      const next = { ...socketArrival(client, peeked, arrival), isSilent: false, takeServer };
      // A server that has something to say by now is not one that waits for a client hello or a request.
      if (peeked.length === 0 || !isQuiet(server.stream)) {
        return await this.pass(next, destination, destination.address);
      }
      return await this.dispatch(next, lookUp());
    } finally {
      if (unused) abort(unused);
    }
  }

  private isFull(): boolean {
    return this.live.size >= this.options.maxIntercepted;
  }

  /** A tap for a plain request that is forwarded elsewhere. */
  openTap(target: Endpoint, peer: Endpoint, client: KnownClient): Tap {
    this.stats.intercepted++;
    return this.options.taps.open({
      id: this.nextId++,
      acceptedAt: now(),
      host: target.address,
      port: target.port,
      scheme: "http",
      peer,
      destination: target,
      ...client,
    });
  }

  /** Passes a connection through, by the upstream proxy where there is one. */
  private async pass(arrival: Arrival, destination: Endpoint, host: string): Promise<RelayEnd> {
    this.stats.passedThrough++;
    const { proxy } = this.options.upstream;
    const target = this.options.route(destination);
    const server = arrival.takeServer?.();
    const raw = (server || proxy.proxyFor(target, host)) && arrival.take();
    if (!raw) return arrival.passthrough(target);
    try {
      return await relay(tcpSide(this.track(raw)), server ?? (await proxy.dial(target, host)));
    } catch (error) {
      arrival.reject();
      return { cause: "server_closed", error: (error as Error).message, bytesUp: 0, bytesDown: 0 };
    }
  }

  /** Passes a connection to a known host through, and tells that it was. */
  private async passThrough(
    connection: Connection,
    host: string,
    reason: string,
    error?: string,
  ): Promise<void> {
    const end = await this.pass(connection.arrival, connection.destination, host);
    const info = this.describe(connection, await connection.whenKnown, host, "https", undefined);
    this.reportUnread(info, reason, error === undefined ? end : { ...end, error });
  }

  private async interceptTls(connection: Connection, host: string, hello: ClientHello): Promise<unknown> {
    const { arrival, destination, whenKnown } = connection;
    const raw = arrival.take();
    if (!raw) return this.passThrough(connection, host, "verdict_late");
    const target = this.options.route(destination);
    const connecting = this.options.upstream.connect(target, host, hello, arrival.takeServer?.());
    // While the server answers: the first certificate for a name takes milliseconds.
    setImmediate(() => this.options.mint.prepare(host));
    const [upstream, client] = await Promise.all([connecting, whenKnown]);
    if (upstream.kind === "failed" && upstream.stage === "handshake") {
      // The client shall see what the server says to it.
      return this.passThrough(connection, host, "upstream_handshake_failed", upstream.error);
    }
    if (upstream.kind === "failed") {
      arrival.reject();
      const info = this.describe(connection, client, host, "https", undefined);
      this.reportUnread(info, "upstream_unreachable", { error: upstream.error });
      return;
    }
    if (upstream.kind === "untrusted") {
      // The client is shown the server's own certificate and decides itself.
      return this.passThrough(connection, host, "upstream_certificate_invalid", upstream.error);
    }
    if (upstream.kind === "client_certificate_requested") {
      this.clientCertificateHosts.set(host, true);
      return this.passThrough(connection, host, "upstream_client_certificate", upstream.error);
    }
    if (raw.destroyed) {
      abort(upstream.side);
      return;
    }
    this.stats.intercepted++;
    const info = this.describe(connection, client, host, "https", upstream.protocol);
    return this.relaySecure(this.track(raw), upstream, info, client);
  }

  private async relaySecure(
    raw: Socket,
    { side, protocol }: { readonly side: Side; readonly protocol: string | undefined },
    info: ConnectionInfo,
    client: KnownClient,
  ): Promise<void> {
    const secure = new TLSSocket(raw, {
      isServer: true,
      secureContext: this.options.mint.contextFor(info.host),
      ...(protocol === undefined ? {} : { ALPNProtocols: [protocol] }),
    });
    const handshake = watchHandshake(secure);
    const tap = this.options.taps.open(info);
    const end = await relay({ stream: secure, socket: raw }, side, {
      onBytes: (direction, bytes) => tap.push(direction, bytes),
      onEnd: (direction) => tap.end(direction),
    });
    const refusal = end.bytesUp === 0 ? handshake.refusal() : undefined;
    if (refusal) this.options.onRefusal(info.host, client, refusal);
    if (end.bytesUp === 0) {
      const reason = refusal
        ? "client_refused_certificate"
        : handshake.isDone()
          ? "no_request"
          : "client_handshake_failed";
      this.reportUnread(info, reason, refusal ? { ...end, error: refusal } : end);
    }
    tap.close(end.cause);
  }

  private async interceptPlain(connection: Connection, host: string): Promise<unknown> {
    const { arrival, destination } = connection;
    const raw = arrival.take();
    if (!raw) return this.passThrough(connection, host, "verdict_late");
    this.stats.intercepted++;
    const client = await connection.whenKnown;
    const { address, port } = this.options.route(destination);
    const server =
      arrival.takeServer?.() ??
      tcpSide(connectTcp({ host: address, port, allowHalfOpen: true, noDelay: true }));
    const info = this.describe(connection, client, host, "http", undefined);
    return this.relayPlain(this.track(raw), server, info);
  }

  private async relayPlain(raw: Socket, server: Side, info: ConnectionInfo): Promise<void> {
    const tap = this.options.taps.open(info);
    const end = await relay(tcpSide(raw), server, {
      onBytes: (direction, bytes) => tap.push(direction, bytes),
      onEnd: (direction) => tap.end(direction),
    });
    tap.close(end.cause);
    if (end.bytesUp === 0) this.reportUnread(info, "upstream_unreachable", end);
  }

  private describe(
    { id, arrival, destination }: Connection,
    client: KnownClient,
    host: string,
    scheme: "https" | "http",
    protocol: string | undefined,
  ): ConnectionInfo {
    return {
      id,
      acceptedAt: arrival.acceptedAt,
      host,
      port: destination.port,
      scheme,
      peer: arrival.peer,
      destination,
      owner: client.owner,
      ...(protocol === undefined ? {} : { protocol }),
      ...(client.app === undefined ? {} : { app: client.app }),
    };
  }

  private reportUnread(info: ConnectionInfo, reason: string, end: Partial<RelayEnd>): void {
    this.options.taps.unread({
      info,
      reason,
      endedAt: now(),
      ...(end.bytesUp === undefined ? {} : { bytesUp: end.bytesUp }),
      ...(end.bytesDown === undefined ? {} : { bytesDown: end.bytesDown }),
      ...(end.error === undefined ? {} : { error: end.error }),
    });
  }

  private track(socket: Socket): Socket {
    this.live.add(socket);
    socket.once("close", () => this.live.delete(socket));
    return socket;
  }

  /** Waits until no connection is open, `graceMs` at most; then resets what is left. */
  async drain(graceMs: number): Promise<void> {
    if (this.stats.open > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs);
        this.idle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    for (const socket of this.live) abort(tcpSide(socket));
  }
}

/** Neither has it said anything nor has it ended. */
const isQuiet = (stream: Duplex) => stream.readableLength === 0 && !stream.readableEnded && !stream.closed;

/** Resolves when either says something or ends: whether the client alone has something to say. */
function speaksFirst(client: Duplex, server: Duplex): Promise<boolean> {
  return new Promise((resolve) => {
    const sides = [client, server];
    const settle = () => {
      for (const side of sides) side.off("readable", settle).off("end", settle).off("close", settle);
      resolve(client.readableLength > 0 && isQuiet(server));
    };
    if (!sides.every(isQuiet)) return settle();
    for (const side of sides) side.on("readable", settle).once("end", settle).once("close", settle);
  });
}

/** A client that closes within this time after its handshake, and says nothing, did not like what it saw. */
const SILENT_REFUSAL_MS = 100;

/**
 * Tells afterwards whether the client turned our certificate down: by an alert, or by closing in silence right
 * after the handshake. An abort in the middle of the handshake, and alert 121 (ECH), say nothing of the kind.
 */
function watchHandshake(session: TLSSocket): { refusal(): string | undefined; isDone(): boolean } {
  const startedAt = performance.now();
  let alert: string | undefined;
  let doneAt: number | undefined;
  let closedAt = Number.POSITIVE_INFINITY;
  session.on("error", (error) => {
    alert ??= CERTIFICATE_ALERT.exec(error.message)?.[1]?.toLowerCase();
  });
  session.once("secure", () => {
    doneAt = performance.now();
  });
  for (const event of ["end", "close"]) {
    session.once(event, () => {
      closedAt = Math.min(closedAt, performance.now());
    });
  }
  return {
    isDone: () => doneAt !== undefined,
    refusal: () => {
      if (alert || doneAt === undefined) return alert;
      const limit = Math.max(SILENT_REFUSAL_MS, 10 * (doneAt - startedAt));
      return closedAt - doneAt < limit ? "closed in silence" : undefined;
    },
  };
}

interface Connection {
  readonly id: number;
  readonly arrival: Arrival;
  readonly destination: Endpoint;
  readonly whenKnown: Promise<KnownClient>;
}
