/**
 * A pf that answers: the part of XNU's packet filter that the redirect stands on, as bsd/net/pf.c of xnu-11417.101.15
 * (macOS 15.4) has it; macOS 12 to 14 are alike in all of this. The line of each behaviour stands beside it.
 */

import { isIPv6 } from "node:net";
import {
  type Addresses,
  type Comparison,
  type Direction,
  type Filter,
  type Rules,
  readRules,
  type Translation,
} from "./pf-rule-text.js";

export interface Packet {
  readonly proto: "tcp" | "udp";
  readonly source: string;
  readonly sourcePort: number;
  readonly target: string;
  readonly targetPort: number;
  /** The first packet of a TCP connection. */
  readonly syn: boolean;
  /** Bytes, headers included. */
  readonly length: number;
  /** struct pf_mtag is part of the packet's header and goes with it over lo0 (sys/mbuf.h 219, 711). */
  readonly tag?: string;
}

/** Who made the socket that sent or would get a packet. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
}

export type Outcome =
  | { readonly kind: "pass"; readonly packet: Packet }
  /** To be output on another interface than the routes say. */
  | { readonly kind: "routed"; readonly packet: Packet; readonly interface: string }
  | { readonly kind: "dropped" }
  /** Dropped, and the sender is told. */
  | { readonly kind: "refused" };

interface Side {
  readonly address: string;
  readonly port: number;
}

/** struct pf_state with its key: `lan` is the end on this machine, `gateway` what the other end takes it for. */
interface State {
  readonly lan: Side;
  readonly gateway: Side;
  readonly external: Side;
  readonly rule: Filter | undefined;
  readonly tag: string | undefined;
}

/** UID_MAX and GID_MAX: no socket was found (4143). */
const NOBODY = 0xffff_ffff;

export interface MainRules {
  /** Before and behind the anchor of com.apple/*; `without` has none, as when another tool loaded rules of its own. */
  readonly before: string;
  readonly behind: string;
  readonly anchor: "with" | "without";
}
export const STOCK: MainRules = { before: "", behind: "", anchor: "with" };

export class Pf {
  private main: MainRules = STOCK;
  private ours: Rules = { translation: [], filter: [] };
  private states: State[] = [];
  private readonly references = new Set<number>();
  private lastToken = 0;

  /** @param owner whose socket a packet belongs to; undefined for one that is forwarded (4133) */
  constructor(
    private readonly owner: (packet: Packet, direction: Direction) => Credentials | undefined,
    private readonly self: () => readonly string[],
  ) {}

  /** DIOCSTARTREF (pf_ioctl.c 1636): each reference has a token. */
  enable(): number {
    this.references.add(++this.lastToken);
    return this.lastToken;
  }

  /** DIOCSTOPREF (pf_ioctl.c 1668, 1690): the last reference stops pf; states stay, and translate nothing (pf_test 9712). */
  release(token: number): void {
    this.references.delete(token);
  }

  /** DIOCSTOP (pf_ioctl.c 1658): everybody's references end. */
  disable(): void {
    this.references.clear();
  }

  get running(): boolean {
    return this.references.size > 0;
  }

  /** Main rules of another tool; what anchors hold stays. */
  loadMain(main: MainRules): void {
    this.main = main;
  }

  /** Replaces the whole of com.apple/oximy in one transaction. */
  load(text: string): void {
    this.ours = readRules(text, this.self());
  }

  flush(what: "rules" | "nat" | "all"): void {
    this.ours = {
      filter: what === "nat" ? this.ours.filter : [],
      translation: what === "rules" ? this.ours.translation : [],
    };
  }

  /** pf_test (9693). */
  test(direction: Direction, name: string, packet: Packet): Outcome {
    if (!this.running) return { kind: "pass", packet };
    const state = this.find(direction, packet);
    if (state) return this.byState(state, direction, name, packet);
    return this.byRules(direction, name, packet);
  }

  /** pf_find_state (1104): outgoing by (lan, external), incoming by (external, gateway). States float (471). */
  private find(direction: Direction, packet: Packet): State | undefined {
    const source = { address: packet.source, port: packet.sourcePort };
    const target = { address: packet.target, port: packet.targetPort };
    return this.states.find(({ lan, gateway, external }) =>
      direction === "out"
        ? same(lan, source) && same(external, target)
        : same(external, source) && same(gateway, target),
    );
  }

  private byState(state: State, direction: Direction, name: string, packet: Packet): Outcome {
    const route = state.rule?.route;
    // 408: on its way to the interface of the rule's route a packet is not translated yet.
    const onItsWay =
      direction === "out" && route !== undefined && turnsOutgoing(state.rule!) && route.interface !== name;
    const { lan, gateway } = state;
    const tagged = state.tag === undefined ? packet : { ...packet, tag: state.tag }; // 10112
    const translated = onItsWay
      ? tagged
      : direction === "out"
        ? { ...tagged, source: gateway.address, sourcePort: gateway.port }
        : { ...tagged, target: lan.address, targetPort: lan.port };
    return this.routed(state.rule, direction, name, translated);
  }

  /** pf_test_rule (4923). */
  private byRules(direction: Direction, name: string, packet: Packet): Outcome {
    const rdr = this.translation(direction, name, packet);
    const translated =
      rdr?.target && direction === "in"
        ? { ...packet, target: rdr.target.address, targetPort: rdr.target.port }
        : packet;
    // 5252: `rdr pass` asks no filter rule.
    const { rule, tag } = rdr?.pass
      ? { rule: undefined, tag: packet.tag }
      : this.filter(direction, name, translated);
    if (rule?.kind === "block") return { kind: "dropped" };
    if (rule?.kind === "block return") return { kind: "refused" };
    const marked = tag === undefined ? translated : { ...translated, tag };
    // 5751: a state is made for `keep state`, and for whatever was translated.
    if (rule?.keepState || rdr) this.remember(direction, packet, marked, rule);
    return this.routed(rule, direction, name, marked);
  }

  private remember(direction: Direction, before: Packet, after: Packet, rule: Filter | undefined): void {
    const source = { address: before.source, port: before.sourcePort };
    const target = { address: before.target, port: before.targetPort };
    const inner = { address: after.target, port: after.targetPort };
    const ends =
      direction === "out"
        ? { lan: source, gateway: source, external: target }
        : { lan: inner, gateway: target, external: source };
    this.states.push({ ...ends, rule, tag: after.tag }); // 6094
  }

  /**
   * pf_match_translation (3752): the first that matches decides (3834). Outgoing, an rdr is looked at from behind
   * (3775), which only concerns what comes from the listener, and that has a state.
   */
  private translation(direction: Direction, name: string, packet: Packet): Translation | undefined {
    if (this.main.anchor === "without" || direction === "out") return undefined;
    const found = this.ours.translation.find((rule) => matches(rule, direction, name, packet, packet.tag)); // 3820: tagged
    return found?.kind === "rdr" ? found : undefined;
  }

  /** 5267: the last that matches decides, or the first with `quick`; nothing passes. */
  private filter(direction: Direction, name: string, packet: Packet) {
    let decisive: Filter | undefined;
    let tag = packet.tag;
    for (const rule of this.filterRules()) {
      if (!matches(rule, direction, name, packet, tag)) continue;
      if (rule.synOnly && packet.proto === "tcp" && !packet.syn) continue; // 5321
      if (!this.owned(rule, direction, packet)) continue;
      tag = rule.tag ?? tag; // 5347: whether it will be the decisive one or not
      decisive = rule;
      if (rule.quick) break; // 5358
    }
    return { rule: decisive, tag };
  }

  private *filterRules(): Iterable<Filter> {
    yield* readRules(this.main.before, this.self()).filter;
    // pf_step_into_anchor (3114): com.apple/* in the order of names; ours comes after Apple's, which pass such packets.
    if (this.main.anchor === "with") yield* this.ours.filter;
    yield* readRules(this.main.behind, this.self()).filter;
  }

  /** 5325 and 5332. Packets that belong to no socket have neither user nor group. */
  private owned({ user, group }: Filter, direction: Direction, packet: Packet): boolean {
    if (!user && !group) return true;
    const { uid, gid } = this.owner(packet, direction) ?? { uid: NOBODY, gid: NOBODY };
    return compare(user, uid) && compare(group, gid);
  }

  /** pf_route (9215). Between a rule's own direction and its kind of route, 9251 decides whether a packet is turned. */
  private routed(rule: Filter | undefined, direction: Direction, name: string, packet: Packet): Outcome {
    const route = rule?.route;
    if (!rule || !route || (route.kind === "reply-to") === (rule.direction === direction))
      return { kind: "pass", packet };
    if (route.interface === name) return { kind: "routed", packet, interface: name };
    // 9319: it is tested again, as one that leaves by the other interface.
    const again = this.test("out", route.interface, packet);
    return again.kind === "pass" ? { ...again, kind: "routed", interface: route.interface } : again;
  }
}

/** 408: the rules whose routes outgoing packets take. */
const turnsOutgoing = ({ route, direction }: Filter): boolean =>
  route?.kind === "route-to" ? direction === "out" : direction === "in";

const same = (one: Side, other: Side): boolean => one.address === other.address && one.port === other.port;

function matches(
  rule: Filter | Translation,
  direction: Direction,
  name: string,
  packet: Packet,
  tag: string | undefined,
): boolean {
  const on = rule.interface;
  if (on && (on.name === name) === on.negated) return false; // 5269: pfi_kif_match
  if (rule.direction && rule.direction !== direction) return false;
  if (rule.family && (rule.family === "inet6") !== isIPv6(packet.target)) return false;
  if (rule.proto && rule.proto !== packet.proto) return false;
  if (!within(rule.from, packet.source) || !within(rule.to, packet.target)) return false;
  if (rule.ports && !rule.ports.includes(packet.targetPort)) return false;
  return rule.tagged === undefined || rule.tagged === tag; // pf_match_tag (3073)
}

function within({ negated, list }: Addresses, address: string): boolean {
  if (list === undefined) return !negated;
  return list.check(address, isIPv6(address) ? "ipv6" : "ipv4") !== negated;
}

/** pf_match_uid, pf_match_gid (3055): nobody is only equal to nobody, and different from everybody. */
function compare(wanted: Comparison | undefined, found: number): boolean {
  if (!wanted) return true;
  switch (wanted.operator) {
    case "=":
      return found === wanted.value;
    case "!=":
      return found !== wanted.value;
    case ">=":
      return found !== NOBODY && found >= wanted.value;
  }
}
