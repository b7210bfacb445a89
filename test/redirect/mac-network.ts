/**
 * A Mac around the pf that answers: interfaces, routes, sockets, and TCP as far as it matters where a packet comes out
 * and how large it is. Sources: xnu-11417.101.15, as pf.ts.
 */

import { isIPv6 } from "node:net";
import { type Credentials, type Packet, Pf } from "./pf.js";

export interface Interface {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Cuts large segments itself (IFNET_TSO_IPV4, IFNET_TSO_IPV6). */
  readonly tso?: boolean;
  /** Its own addresses have no route by lo0: they are reached through the tunnel (sshuttle#102). */
  readonly pointToPoint?: boolean;
}

export const LISTENER = 15_001;
export const GROUP = 4242;
const PROXY: Credentials = { uid: 501, gid: GROUP };
export const ANA: Credentials = { uid: 501, gid: 20 };
const LARGEST = 65_535;
const USUAL = 1_500;

/** Where a packet came out. */
export type AcceptedConnection =
  | { readonly at: "proxy" | "socket"; readonly packet: Packet }
  | { readonly at: "wire"; readonly interface: string; readonly packet: Packet }
  | {
      readonly at: "nowhere";
      readonly why: "dropped" | "refused" | "larger than lo0 takes" | "nobody listens";
    };

export interface Client {
  readonly credentials: Credentials;
  readonly source: string;
  readonly port: number;
  readonly target: string;
  readonly targetPort: number;
  /** IP_BOUND_IF. */
  readonly bound?: string;
}

export class Mac {
  readonly pf: Pf;
  /** net.inet.tcp.tso, read each time a segment is made (tcp_output.c 1378). */
  tso = true;
  mtuOfLo0 = 16_384; // if_loop.c 684
  /** Interface by which each family leaves. */
  defaultRoute = "en0";
  /** Servers on this machine, by `address:port`. */
  readonly servers = new Set<string>();
  private readonly sockets = new Map<string, Credentials>();
  private nextPort = 50_000;

  constructor(public interfaces: readonly Interface[]) {
    this.pf = new Pf(
      (packet, direction) =>
        this.sockets.get(
          direction === "out"
            ? tuple(packet.source, packet.sourcePort, packet.target, packet.targetPort)
            : tuple(packet.target, packet.targetPort, packet.source, packet.sourcePort),
        ),
      () => ["127.0.0.1", "::1", ...this.interfaces.flatMap(({ addresses }) => addresses)],
    );
  }

  /** A socket that is about to connect. */
  client(target: string, targetPort: number, options: Partial<Client> = {}): Client {
    const way = options.bound ?? this.routeTo(target);
    const loopback = isIPv6(target) ? "::1" : "127.0.0.1";
    const own = this.interfaces.some((each) => each.addresses.includes(target));
    const addresses = this.interfaces.find(({ name }) => name === way)?.addresses ?? [
      own ? target : loopback,
    ];
    const source =
      options.source ?? addresses.find((address) => isIPv6(address) === isIPv6(target)) ?? loopback;
    const client = { credentials: ANA, source, port: this.nextPort++, target, targetPort, ...options };
    this.sockets.set(tuple(client.source, client.port, target, targetPort), client.credentials);
    return client;
  }

  /** The proxy's own connection to where a client meant to go. */
  upstream(target: string, targetPort: number): AcceptedConnection {
    return this.send(this.client(target, targetPort, { credentials: PROXY }), { syn: true });
  }

  send(
    { source, port, target, targetPort, bound }: Client,
    segment: { syn: boolean; length?: number },
  ): AcceptedConnection {
    const packet = {
      proto: "tcp" as const,
      source,
      sourcePort: port,
      target,
      targetPort,
      syn: segment.syn,
      length: segment.length ?? 60,
    };
    return this.output(bound ?? this.routeTo(target), packet);
  }

  datagram({ source, port, target, targetPort }: Client): AcceptedConnection {
    const packet = {
      proto: "udp" as const,
      source,
      sourcePort: port,
      target,
      targetPort,
      syn: false,
      length: 1_200,
    };
    return this.output(this.routeTo(target), packet);
  }

  /** A packet that came in for somebody else, and leaves by `way`: it has no socket here. */
  forward(source: string, target: string, targetPort: number, way: string): AcceptedConnection {
    return this.output(way, {
      proto: "tcp",
      source,
      sourcePort: 40_000,
      target,
      targetPort,
      syn: true,
      length: 60,
    });
  }

  /** What the proxy's listener sends to the client of this packet. */
  answer({ source, sourcePort, target, targetPort }: Packet): AcceptedConnection {
    const packet = {
      proto: "tcp" as const,
      source: target,
      sourcePort: targetPort,
      target: source,
      targetPort: sourcePort,
      syn: false,
      length: 60,
    };
    return this.output(this.routeTo(source), packet);
  }

  /** Whether the client gets the listener's answer as one of the server that it called. */
  isAnswered(client: Client, arrived: Packet): boolean {
    const answer = this.answer(arrived);
    return (
      answer.at === "socket" &&
      answer.packet.target === client.source &&
      answer.packet.targetPort === client.port &&
      answer.packet.source === client.target &&
      answer.packet.sourcePort === client.targetPort
    );
  }

  /** A segment of what is waiting to be sent: as large as TCP makes it (tcp_output.c 2369). */
  upload(client: Client, bytes: number): AcceptedConnection {
    const way = this.interfaces.find(({ name }) => name === (client.bound ?? this.routeTo(client.target)));
    const length = Math.min(bytes, this.tso && way?.tso ? LARGEST : USUAL);
    return this.send(client, { syn: false, length });
  }

  private output(way: string, packet: Packet): AcceptedConnection {
    const outcome = this.pf.test("out", way, packet);
    if (outcome.kind === "dropped" || outcome.kind === "refused") return { at: "nowhere", why: outcome.kind };
    const out = outcome.kind === "routed" ? outcome.interface : way;
    if (out !== "lo0") return { at: "wire", interface: out, packet: outcome.packet };
    // pf.c 9337 (IPv4) and 9551 (IPv6): lo0 does not cut, so what is larger is dropped.
    if (packet.length > this.mtuOfLo0) return { at: "nowhere", why: "larger than lo0 takes" };
    return this.input(outcome.packet);
  }

  /** What comes in on lo0. */
  private input(packet: Packet): AcceptedConnection {
    const outcome = this.pf.test("in", "lo0", packet);
    if (outcome.kind === "dropped" || outcome.kind === "refused") return { at: "nowhere", why: outcome.kind };
    const { source, sourcePort, target, targetPort } = outcome.packet;
    if (isLoopback(target) && targetPort === LISTENER) return { at: "proxy", packet: outcome.packet };
    const known =
      this.sockets.has(tuple(target, targetPort, source, sourcePort)) ||
      this.servers.has(`${target}:${targetPort}`);
    return known ? { at: "socket", packet: outcome.packet } : { at: "nowhere", why: "nobody listens" };
  }

  private routeTo(target: string): string {
    const own = this.interfaces.find(({ addresses }) => addresses.includes(target));
    if (own) return own.pointToPoint ? own.name : "lo0";
    return isLoopback(target) ? "lo0" : this.defaultRoute;
  }
}

const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");

const tuple = (...ends: (string | number)[]): string => ends.join(" ");
