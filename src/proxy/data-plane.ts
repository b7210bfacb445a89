/**
 * The data plane: handles a connection from accept to its end. Carries out verdicts: connects, relays, and lets a tap
 * copy the bytes. It decides nothing, never parses HTTP and never waits for the capture plane.
 */

import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Issuer, NotSigned, type ShownLeaf } from "../certificates/leaf.js";
import type { Endpoint } from "../connection/client.js";
import type { Connection, Via } from "../connection/connection.js";
import type { Reason } from "../connection/reasons.js";
import { type AcceptedConnection, acceptedSocket, peek } from "./accept/accepted-connection.js";
import { type Interception, type NothingRead, relaySecure } from "./intercept/intercept.js";
import { sessionTerms } from "./intercept/session-terms.js";
import { readCopied, readPassage, type SecretSource, type SitesWatch } from "./read-passage.js";
import { abort, type RelayEnd, relay, type Side, tcpSide } from "./relay.js";
import type { Tap, TapSink } from "./tap.js";
import type { SecureUpstream, UpstreamConnector } from "./upstream/upstream.js";
import type { KnownClient } from "./verdict/client.js";
import type { ClientHello } from "./verdict/client-hello.js";
import { ContainerSessions } from "./verdict/container-sessions.js";
import {
  decide,
  decideByHost,
  type GeneralPolicy,
  isPrivate,
  type Policy,
  type Verdict,
} from "./verdict/decide.js";
import { type Opening, readOpening } from "./verdict/opening.js";
import type { TrustBook } from "./verdict/trust-book.js";

export interface DataPlaneOptions {
  /** Created on first use. */
  readonly issuer: () => Issuer;
  readonly upstream: UpstreamConnector;
  readonly taps: TapSink;
  /** Where a destination is reached: at itself, except in the demo. */
  readonly route: (destination: Endpoint) => Endpoint;
  /** Called for each connection, so that a refreshed bundle takes effect immediately. */
  readonly policy: () => GeneralPolicy;
  readonly trust: TrustBook;
  /** The source of TLS secrets; absent where nothing is read. */
  readonly secrets?: SecretSource;
  /** Maximum number of connections read at a time; more pass through. */
  readonly maxIntercepted: number;
  /** A verified server requested a client certificate. */
  readonly onClientCertificate?: (client: KnownClient, host: string, server: Endpoint) => void;
  /** A connection to a known host passes through unread, by verdict. */
  readonly onPassthrough?: (client: KnownClient, host: string, reason: Reason) => void;
}

/** Totals since the start, except `open`. */
export interface DataPlaneStats {
  accepted: number;
  read: number;
  intercepted: number;
  passedThrough: number;
  refused: number;
  open: number;
}

const now = () => performance.timeOrigin + performance.now();

export class DataPlane {
  readonly stats: DataPlaneStats = {
    accepted: 0,
    read: 0,
    intercepted: 0,
    passedThrough: 0,
    refused: 0,
    open: 0,
  };
  private nextId = 1;
  private readonly live = new Set<Socket>();
  /** Connections being read, by user. */
  private readonly held = new Map<number | undefined, number>();
  private heldInAll = 0;
  private readonly containerSessions = new ContainerSessions();
  private idle: (() => void) | undefined;

  constructor(private readonly options: DataPlaneOptions) {}

  /**
   * Handles one connection until its end. Never rejects. `client` was looked up by the listener on accept; a client
   * that sends its first bytes late is looked up again: it may have executed another program, or passed its connection
   * on to a child.
   */
  handle(
    accepted: AcceptedConnection,
    client: Promise<KnownClient>,
    lookUpAgain: () => Promise<KnownClient> = () => client,
  ): Promise<void> {
    this.stats.accepted++;
    this.stats.open++;
    const { reject } = accepted;
    // For a container only the front has a route to the server: a client that waits for the server passes through.
    const end =
      accepted.isSilent && accepted.network === undefined
        ? this.awaitFirstBytes(accepted, client, lookUpAgain)
        : this.dispatch(accepted, client);
    // Any failure here is our own; the client must see an end, not a hang.
    return end.catch(reject).then(() => {
      this.stats.open--;
      if (this.stats.open === 0) this.idle?.();
    });
  }

  /**
   * From here on, promises that last until a connection ends are returned and not awaited: thousands of idle
   * connections must not retain what was only needed to decide (first bytes, hello).
   */
  private async dispatch(accepted: AcceptedConnection, whenKnown: Promise<KnownClient>): Promise<unknown> {
    const { destination } = accepted;
    if (!destination) return accepted.reject();
    const opening = readOpening(accepted.peeked);
    const general = this.options.policy();
    const byHost = decideByHost(opening, destination, general);
    if (byHost.action === "passthrough") {
      // The client does not matter here: no need to wait for its lookup.
      return this.pass(accepted, destination, byHost.host ?? destination.address);
    }
    const known = await whenKnown;
    const capacity = this.isFull(known) ? "full" : "free";
    const policy: Policy = {
      ...general,
      capacity,
      isSeenInContainer: accepted.network === undefined && this.containerSessions.isSecondLook(opening),
      // Only the front has a route to the server, with the client's bytes unchanged.
      ...(accepted.network !== undefined && { interception: "none" }),
    };
    const identified: IdentifiedConnection = { accepted, destination, client: known, id: this.nextId++ };
    const sites = await this.sitesOf(identified, opening, policy);
    // Last: the attempt that depends on it must begin before another connection reads it.
    const standing = this.options.trust.standing(known.program);
    const verdict = decide(opening, destination, { ...known, standing, sites: sites.state }, policy);
    const end = this.carryOut(verdict, identified, opening, sites);
    return accepted.network === undefined ? end : this.containerSessions.during(end, opening);
  }

  private async carryOut(
    verdict: Verdict,
    identified: IdentifiedConnection,
    opening: Opening,
    sites: SitesWatch,
  ): Promise<unknown> {
    const { accepted, destination, client: known } = identified;
    switch (verdict.action) {
      case "read":
        return this.holding(known, this.read(identified, verdict.host, sites));
      case "intercept": {
        const { host, trial } = verdict;
        if (accepted.network !== undefined) return this.holding(known, this.copyPlain(identified, host));
        return this.holding(
          known,
          verdict.scheme === "http" || opening.kind !== "tls"
            ? this.interceptPlain(identified, host)
            : this.interceptTls(identified, host, opening.hello, trial ? "trial" : "trusted"),
        );
      }
      case "passthrough": {
        const { reason, host = destination.address } = verdict;
        // A filtered-out app is none of our business: its connections are not even reported.
        if (isPrivate(reason)) return this.pass(accepted, destination, host);
        this.options.onPassthrough?.(known, host, reason);
        return this.passThrough(identified, host, reason);
      }
    }
  }

  /** Requests the client's secrets where the connection would be read if they are available. */
  private async sitesOf(
    { id, client, destination }: IdentifiedConnection,
    opening: Opening,
    policy: Policy,
  ): Promise<SitesWatch> {
    const { secrets } = this.options;
    if (!secrets || opening.kind !== "tls") return { state: "off" };
    const wouldBe = decide(opening, destination, { ...client, standing: "untried", sites: "known" }, policy);
    if (wouldBe.action !== "read") return { state: "off" };
    return secrets.watch(id, client, opening.hello.random);
  }

  /**
   * Connects a client that has been silent so far and waits to see who speaks first. A client that does was slow to
   * start, and is handled like any other; the connection made here becomes its connection to the server.
   */
  private async awaitFirstBytes(
    accepted: AcceptedConnection,
    whenKnown: Promise<KnownClient>,
    lookUp: () => Promise<KnownClient>,
  ): Promise<unknown> {
    const { destination } = accepted;
    if (!destination) return accepted.reject();
    // Before any await: otherwise the front would pass it through by itself, and its first bytes would go unseen.
    const client = accepted.take();
    if (!client) return this.pass(accepted, destination, destination.address);
    const known = await whenKnown;
    if (this.isFull(known)) {
      return this.pass({ ...accepted, take: () => client }, destination, destination.address);
    }
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
      const peeked = (await this.holding(known, clientSpeaksFirst(client, server.stream)))
        ? await peek(client)
        : Buffer.alloc(0);
      const next = { ...acceptedSocket(client, peeked, accepted), isSilent: false, takeServer };
      // A server that has sent something by now does not wait for a client hello or a request.
      if (peeked.length === 0 || !isQuiet(server.stream)) {
        return await this.pass(next, destination, destination.address);
      }
      return await this.dispatch(next, lookUp());
    } finally {
      if (unused) abort(unused);
    }
  }

  /** In all, or for this client's user: whoever exceeds their share takes nothing from other users. */
  private isFull(client: KnownClient): boolean {
    const { maxIntercepted } = this.options;
    if (Math.max(this.live.size, this.heldInAll) >= maxIntercepted) return true;
    return (this.held.get(userOf(client)) ?? 0) >= maxIntercepted * SHARE_OF_USER;
  }

  /** Counts a connection towards its user until it ends. */
  private holding<T>(client: KnownClient, end: Promise<T>): Promise<T> {
    const user = userOf(client);
    this.held.set(user, (this.held.get(user) ?? 0) + 1);
    this.heldInAll++;
    return end.finally(() => {
      const left = this.held.get(user)! - 1;
      if (left > 0) this.held.set(user, left);
      else this.held.delete(user);
      this.heldInAll--;
    });
  }

  /** Opens a tap for a plain request that is forwarded elsewhere. */
  openTap(target: Endpoint, peer: Endpoint, client: KnownClient): Tap {
    this.stats.intercepted++;
    const accepted = { acceptedAt: now(), peer };
    const connection = { accepted, destination: target, client, id: this.nextId++ };
    return this.options.taps.open(describe(connection, target.address, { scheme: "http", via: "plain" }));
  }

  /** Passes a connection through, via the upstream proxy where there is one. */
  private async pass(accepted: AcceptedConnection, destination: Endpoint, host: string): Promise<RelayEnd> {
    this.stats.passedThrough++;
    const { proxy } = this.options.upstream;
    const target = this.options.route(destination);
    // The machine's proxy does not apply to containers.
    if (accepted.network !== undefined) return accepted.passthrough(target);
    const server = accepted.takeServer?.();
    const raw = (server || proxy.proxyFor(target, host)) && accepted.take();
    if (!raw) return accepted.passthrough(target);
    try {
      return await relay(tcpSide(this.track(raw)), server ?? (await proxy.dial(target, host)));
    } catch (error) {
      accepted.reject();
      return { cause: "server_closed", error: (error as Error).message, bytesUp: 0, bytesDown: 0 };
    }
  }

  /** Passes a connection to a known host through, and reports it as unread. */
  private async passThrough(
    identified: IdentifiedConnection,
    host: string,
    reason: Reason,
    error?: string,
  ): Promise<void> {
    const connection = describe(identified, host, { scheme: "https" });
    const end = await this.pass(identified.accepted, identified.destination, host);
    this.reportUnread(connection, reason, error === undefined ? end : { ...end, error });
  }

  private async read(identified: IdentifiedConnection, host: string, sites: SitesWatch): Promise<unknown> {
    const { accepted, destination, id } = identified;
    try {
      this.stats.read++;
      const target = this.options.route(destination);
      const connection = describe(identified, host, { scheme: "https", via: "read" });
      const how = { taps: this.options.taps, sites };
      const { proxy } = this.options.upstream;
      if (accepted.copy && (accepted.network !== undefined || !proxy.proxyFor(target, host))) {
        const passage = accepted.copy(target, id, sites.ready ? "hold" : "release");
        if (!passage) return await this.passThrough(identified, host, "verdict_late");
        return this.reportNothing(connection, await readCopied(passage, connection, how));
      }
      const raw = accepted.take();
      if (!raw) return await this.passThrough(identified, host, "verdict_late");
      const server = accepted.takeServer?.() ?? (await proxy.dial(target, host));
      const unread = await readPassage(tcpSide(this.track(raw)), server, connection, how);
      return this.reportNothing(connection, unread);
    } finally {
      this.options.secrets?.unwatch(id);
    }
  }

  /** Reads an unencrypted connection as it passes. */
  private async copyPlain(identified: IdentifiedConnection, host: string): Promise<unknown> {
    const { accepted, destination, id } = identified;
    const target = this.options.route(destination);
    const passage = accepted.copy?.(target, id, "release");
    if (!passage) return this.passThrough(identified, host, "verdict_late");
    this.stats.intercepted++;
    const connection = describe(identified, host, { scheme: "http", via: "plain" });
    await readCopied(passage, connection, { taps: this.options.taps, sites: { state: "known" } });
    return undefined;
  }

  private async interceptTls(
    identified: IdentifiedConnection,
    host: string,
    hello: ClientHello,
    kind: "trial" | "trusted",
  ): Promise<unknown> {
    const { accepted, destination, client } = identified;
    const raw = accepted.take();
    if (!raw) return this.passThrough(identified, host, "verdict_late");
    const attempt = this.options.trust.begin(client, host, kind);
    const target = this.options.route(destination);
    const connecting = this.options.upstream.connect(target, host, hello, accepted.takeServer?.());
    const issuer = this.options.issuer();
    // While the server handshakes: the first certificate for a name takes milliseconds.
    setImmediate(() => issuer.prepare(host, destination.port));
    const upstream = await connecting;
    const leaf = upstream.kind === "secure" && (await leafOrNone(issuer, host, destination.port));
    if (upstream.kind === "secure" && leaf && !raw.destroyed) {
      if (leaf instanceof NotSigned) {
        void attempt.end({ kind: "inconclusive" });
        abort(upstream.side);
        return this.passThrough(identified, host, "certificate_not_signed", leaf.message);
      }
      const terms = sessionTerms(hello, upstream.agreed);
      if (terms === undefined) {
        void attempt.end({ kind: "inconclusive" });
        abort(upstream.side);
        return this.passThrough(identified, host, "client_lacks_ecdsa");
      }
      this.stats.intercepted++;
      const { protocol } = upstream;
      const connection = describe(identified, host, { scheme: "https", via: "intercept", protocol });
      return this.intercept(this.track(raw), upstream, connection, { leaf, terms, attempt });
    }
    void attempt.end({ kind: "inconclusive" });
    switch (upstream.kind) {
      case "secure":
        return abort(upstream.side);
      case "failed":
        if (upstream.stage === "handshake") {
          // The client must see the server's own response.
          return this.passThrough(identified, host, "upstream_handshake_failed", upstream.error);
        }
        accepted.reject();
        return this.reportUnread(describe(identified, host, { scheme: "https" }), "upstream_unreachable", {
          error: upstream.error,
        });
      case "untrusted":
        // The client is shown the server's own certificate and decides for itself.
        return this.passThrough(identified, host, "upstream_certificate_invalid", upstream.error);
      case "client_certificate_requested":
        if (upstream.isVerified) this.options.onClientCertificate?.(client, host, destination);
        return this.passThrough(identified, host, "upstream_client_certificate", upstream.error);
    }
  }

  private async intercept(
    raw: Socket,
    upstream: SecureUpstream,
    connection: Connection,
    how: Omit<Interception, "taps">,
  ): Promise<void> {
    const nothing = await relaySecure(raw, upstream, connection, { ...how, taps: this.options.taps });
    if (nothing?.reason === "client_refused_certificate") this.stats.refused++;
    this.reportNothing(connection, nothing);
  }

  private async interceptPlain(identified: IdentifiedConnection, host: string): Promise<unknown> {
    const { accepted, destination } = identified;
    const raw = accepted.take();
    if (!raw) return this.passThrough(identified, host, "verdict_late");
    this.stats.intercepted++;
    const { address, port } = this.options.route(destination);
    const server =
      accepted.takeServer?.() ??
      tcpSide(connectTcp({ host: address, port, allowHalfOpen: true, noDelay: true }));
    const connection = describe(identified, host, { scheme: "http", via: "plain" });
    return this.relayPlain(this.track(raw), server, connection);
  }

  private async relayPlain(raw: Socket, server: Side, connection: Connection): Promise<void> {
    const tap = this.options.taps.open(connection);
    const end = await relay(tcpSide(raw), server, {
      onBytes: (direction, bytes) => tap.push(direction, bytes),
      onEnd: (direction) => tap.end(direction),
    });
    tap.close(end.cause);
    if (end.bytesUp === 0) this.reportUnread(connection, "upstream_unreachable", end);
  }

  private reportNothing(connection: Connection, nothing: NothingRead | undefined): void {
    if (nothing) this.reportUnread(connection, nothing.reason, nothing.end);
  }

  private reportUnread(connection: Connection, reason: Reason, end: Partial<RelayEnd>): void {
    this.options.taps.unread({
      connection,
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

  /** Waits until no connection is open, `graceMs` at most; then resets the rest. */
  async drain(graceMs: number): Promise<void> {
    this.options.trust.settle();
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
    this.options.trust.settle();
  }
}

async function leafOrNone(issuer: Issuer, host: string, port: number): Promise<ShownLeaf | NotSigned> {
  try {
    return await issuer.leafFor(host, port);
  } catch (error) {
    if (error instanceof NotSigned) return error;
    throw error;
  }
}

/** As a fraction of the connections that are read at a time. */
const SHARE_OF_USER = 0.5;

/** Undefined for unknown users: they share one share. */
const userOf = ({ owner }: KnownClient) => (owner.kind === "process" ? owner.process.uid : owner.uid);

/** It has neither sent anything nor ended. */
const isQuiet = (stream: Duplex) => stream.readableLength === 0 && !stream.readableEnded && !stream.closed;

/** Resolves when either sends something or ends: whether only the client has sent something. */
function clientSpeaksFirst(client: Duplex, server: Duplex): Promise<boolean> {
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

/** A connection to a known host, whose client is known. */
interface IdentifiedConnection {
  readonly id: number;
  readonly accepted: AcceptedConnection;
  readonly destination: Endpoint;
  readonly client: KnownClient;
}

interface Seen {
  readonly scheme: Connection["scheme"];
  readonly via?: Via;
  readonly protocol?: string | undefined;
}

function describe(
  {
    id,
    accepted,
    destination,
    client,
  }: Omit<IdentifiedConnection, "accepted"> & { accepted: Pick<AcceptedConnection, "acceptedAt" | "peer"> },
  host: string,
  { scheme, via, protocol }: Seen,
): Connection {
  return {
    id,
    acceptedAt: accepted.acceptedAt,
    host,
    port: destination.port,
    scheme,
    peer: accepted.peer,
    destination,
    owner: client.owner,
    ...(via === undefined ? {} : { via }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(client.app === undefined ? {} : { app: client.app }),
  };
}
