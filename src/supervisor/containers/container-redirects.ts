/**
 * The redirect in containers: found, installed, proved and let go of, each by itself. Where rules cannot be proved, such as
 * beside a firewall of the container's own, connections are led to us as they begin, and that is proved the same way. A
 * container in which neither can be is left alone, and works as without us.
 */

import { Socket } from "node:net";
import type { Log } from "../../log.js";
import type { ForeignConnect } from "../../native/native.js";
import { SELF_TEST_ADDRESSES, type SelfTestResult, selfTestOn } from "../self-test.js";
import type { ContainerDiscovery, FoundNetwork } from "./discovery.js";
import {
  type ContainerState,
  type HeldContainer,
  heldContainer,
  nameOf,
  stateOf,
  wait,
} from "./held-container.js";
import { LookSchedule, type Pace } from "./look-schedule.js";
import type { ContainerNetworks, Family, RulesFor, Way } from "./networks.js";

export interface ContainerRedirectsOptions {
  readonly networks: ContainerNetworks;
  readonly discovery: Pick<ContainerDiscovery, "all" | "fresh" | "of">;
  /** Connections of other networks to ports that are redirected, since the last call. */
  readonly takeConnects: () => readonly ForeignConnect[];
  readonly startTimeOf: (pid: number) => number | undefined;
  /** The namespace that a process is in now. */
  readonly spaceOf: (pid: number) => string | undefined;
  /** Whether the process's network has a firewall of iptables-legacy, whose changes the kernel does not report. */
  readonly filtersUnreported?: (pid: number) => boolean;
  /** A port that is redirected. */
  readonly port: number;
  readonly nonce: string;
  readonly log: Log;
  readonly now?: () => number;
  /** Proves the redirect by a connection; replaced in tests. */
  readonly prove?: (network: number, address: string, whom: RulesFor, way: Way) => Promise<SelfTestResult>;
  /** Called with the state of all containers whenever that of one has changed. */
  readonly onChange?: (states: readonly ContainerState[]) => void;
}

/** All processes are looked at so often: for what was missed, and for what has ended. */
const LOOK_AT_ALL_MS = 5_000;
const IDLE_LOOK_AT_ALL_MS = 30_000;
const LOOK_AT_ENDED_MS = 500;
/** Proofs are repeated at this interval, for changes that nothing reports. */
const PROVE_AGAIN_MS = 15_000;
const LOOK_AT_TABLES_MS = 100;
/** A proof that takes longer may be one that fails: until it is there, connections go directly. */
const DOUBT_MS = 300;
/** A firewall that drops lets a trial wait: so long where there is another way. */
const OTHER_WAY_MS = 500;
/** For so long the kernel may be busy with others' changes of rules in a container, before it takes ours. */
const RULES_MS = 5_000;
/** A network that has no way out for so long is looked at less often. */
const PATIENT_MS = 5_000;
const PATIENT_LOOK_MS = 1_000;
/** One that was captured is tried again after so long, and longer after each failure: a busy machine answers late, too. */
const REST_MS = 2_000;
const MOST_FAILURES = 3;
/** Processes of networks that nobody knows that are looked at in one look: any user may make networks and connect in them. */
const MOST_STRANGERS = 16;
/** Counts of unseen connections are published at this interval, at the most. */
const PUBLISH_COUNTS_MS = 1_000;

export class ContainerRedirects {
  private readonly held = new Map<string, HeldContainer>();
  private readonly now: () => number;
  private readonly schedule: LookSchedule;
  private paused = false;
  private published = { states: "", counts: "", at: Number.NEGATIVE_INFINITY };
  /** Networks that are no container's, as of the last look at all processes. */
  private readonly strangers = new Set<bigint>();
  private lookedAtAll = Number.NEGATIVE_INFINITY;
  private lookedAtEnded = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: ContainerRedirectsOptions) {
    this.now = options.now ?? (() => performance.now());
    this.schedule = new LookSchedule({
      networks: options.networks,
      log: options.log,
      now: this.now,
      look: () => this.look(),
      onAlert: () => {
        this.lookedAtAll = Number.NEGATIVE_INFINITY;
      },
    });
  }

  start(): void {
    this.schedule.start();
  }

  /** No connection comes any more; those that came go on. */
  withdraw(): void {
    this.paused = true;
    for (const { network } of this.held.values()) {
      if (network !== undefined) this.options.networks.removeRules(network);
    }
  }

  restore(): void {
    this.paused = false;
    for (const held of this.held.values()) {
      if (held.state !== "captured") continue;
      wait(held);
      held.provedAt = Number.NEGATIVE_INFINITY;
    }
  }

  /** All rules go. Can be called twice. */
  end(): void {
    this.schedule.end();
    this.paused = true;
    this.held.clear();
    this.options.networks.end();
  }

  /** For those who ask what is captured. */
  get states(): readonly ContainerState[] {
    return [...this.held.values()].map(stateOf);
  }

  /** One look: called by the schedule, and by tests. */
  look(): Pace {
    const now = this.now();
    if (now - this.lookedAtEnded >= LOOK_AT_ENDED_MS) {
      this.lookedAtEnded = now;
      const isLost = [...this.held.values()].some(({ pid, space }) => this.options.spaceOf(pid) !== space);
      if (isLost) this.lookedAtAll = Number.NEGATIVE_INFINITY;
    }
    if (now - this.lookedAtAll >= (this.held.size > 0 ? LOOK_AT_ALL_MS : IDLE_LOOK_AT_ALL_MS)) {
      this.lookedAtAll = now;
      this.strangers.clear();
      const all = this.options.discovery.all();
      if (all !== undefined) this.keepOnly(all);
    } else if (this.schedule.isAlert) {
      for (const found of this.options.discovery.fresh()) this.meet(found);
    }
    this.countUnseen(now);
    for (const held of this.held.values()) this.care(held, now);
    this.publish();
    return this.paceAt(now);
  }

  private paceAt(now: number): Pace {
    const isAwaited = [...this.held.values()].some(
      ({ state, foundAt }) => state === "waiting" && now - foundAt <= PATIENT_MS,
    );
    if (isAwaited) return "hurried";
    return this.held.size > 0 ? "calm" : "idle";
  }

  private publish(): void {
    const all = [...this.held.values()];
    const states = all.map(({ container: { id }, state, way }) => `${id} ${state} ${way}`).join("\n");
    const counts = all.map(({ unseen }) => unseen).join(" ");
    const now = this.now();
    const isDue = counts !== this.published.counts && now - this.published.at >= PUBLISH_COUNTS_MS;
    if (states === this.published.states && !isDue) return;
    this.published = { states, counts, at: now };
    this.options.onChange?.(this.states);
  }

  private meet(found: FoundNetwork): void {
    const { space, container } = found;
    const known = this.held.get(space);
    if (known !== undefined && known.container.id === container.id) return;
    // While we hold a namespace its name is not given away; of one that was let go of it may be.
    if (known?.network !== undefined) return;
    // Another container of the same pod.
    if (known?.state === "left_alone" && this.options.spaceOf(known.pid) === space) return;
    this.held.set(space, heldContainer(found, this.now()));
  }

  /** Counts connections that began before their container was captured; the first of each container is logged. */
  private countUnseen(now: number): void {
    /** What each network that is known leads to is asked once. */
    const leads = new Map<HeldContainer, boolean>();
    const leadsSomewhere = (held: HeldContainer): boolean => {
      const known = leads.get(held);
      if (known !== undefined) return known;
      const found = held.network === undefined || this.routes(held.network, this.options.port);
      leads.set(held, found);
      return found;
    };
    let strangers = 0;
    for (const { network, pid, msAgo } of this.options.takeConnects()) {
      let held = this.ofNetwork(network);
      if (held === undefined) {
        if (this.strangers.has(network) || strangers >= MOST_STRANGERS) continue;
        strangers++;
        held = this.meetProcess(pid);
        if (held === undefined) this.strangers.add(network);
      }
      if (held === undefined || held.state === "left_alone" || this.paused) continue;
      if (now - msAgo >= held.capturedAt || !leadsSomewhere(held)) continue;
      if (held.unseen++ === 0)
        this.options.log.warn(
          `container ${nameOf(held)}: a connection was not seen, since it came too early`,
        );
    }
  }

  private ofNetwork(cookie: bigint): HeldContainer | undefined {
    for (const held of this.held.values()) if (held.cookie === cookie) return held;
    return undefined;
  }

  private meetProcess(pid: number): HeldContainer | undefined {
    const found = this.options.discovery.of(pid);
    if (found === undefined) return undefined;
    this.meet(found);
    return this.held.get(found.space);
  }

  /** What none of these is has ended. */
  private keepOnly(all: readonly FoundNetwork[]): void {
    const now = new Map(all.map((found) => [found.space, found]));
    for (const held of [...this.held.values()]) {
      const found = now.get(held.space);
      if (found === undefined) {
        this.letGo(held);
        this.held.delete(held.space);
        this.options.log.debug(`container ${nameOf(held)}: has ended`);
      } else held.pid = found.pid;
    }
    for (const found of all) this.meet(found);
  }

  private care(held: HeldContainer, now: number): void {
    if (this.paused) return;
    if (this.hasChanged(held) && held.state === "captured") this.tryAgain(held);
    this.foresee(held, now);
    const isDue = held.areWaysChanged || now - held.provedAt >= PROVE_AGAIN_MS;
    if (held.state === "captured" && isDue) void this.prove(held);
    if (held.state !== "waiting" || now < held.restsUntil) return;
    const isPatient = now - held.foundAt > PATIENT_MS;
    if (isPatient && !held.areWaysChanged && now - held.provedAt < PATIENT_LOOK_MS) return;
    held.areWaysChanged = false;
    held.provedAt = now;
    if (held.network === undefined && !this.open(held)) return;
    if (this.routes(held.network!, this.options.port)) void this.prove(held);
  }

  /** Its own rules have, and ours have gone with that: what was proved is so no longer. */
  private hasChanged(held: HeldContainer): boolean {
    const change = held.network === undefined ? null : this.options.networks.takeChange(held.network);
    if (change === "rules") held.isChanged = true;
    if (change === "ways") held.areWaysChanged = true;
    return held.isChanged;
  }

  /** A firewall whose rules come without a word is not waited for: what it will do to ours is known when it has tables. */
  private foresee(held: HeldContainer, now: number): void {
    const { filtersUnreported, networks } = this.options;
    if (held.isUnreported || held.way !== "rules" || now - held.lookedAtTables < LOOK_AT_TABLES_MS) return;
    if (held.state !== "waiting" && held.state !== "captured") return;
    held.lookedAtTables = now;
    if (!filtersUnreported?.(held.pid)) return;
    held.isUnreported = true;
    held.way = "rewrite";
    if (held.state !== "captured") return;
    networks.removeRules(held.network!);
    this.tryAgain(held);
  }

  private tryAgain(held: HeldContainer): void {
    held.isChanged = false;
    held.failed.clear();
    wait(held);
    held.foundAt = this.now();
    held.provedAt = Number.NEGATIVE_INFINITY;
  }

  private open(held: HeldContainer): boolean {
    const { networks, startTimeOf } = this.options;
    const startTime = startTimeOf(held.pid);
    if (startTime === undefined) return false; // it has just ended; the next look finds another process or none
    const opened = networks.open(held.pid, startTime);
    if (typeof opened === "string") {
      // Its process may have ended at this moment; the next look has another one of the same container.
      if (this.now() - held.foundAt >= PATIENT_MS) this.leaveAlone(held, opened);
      return false;
    }
    held.network = opened;
    held.cookie = networks.cookieOf(opened);
    return true;
  }

  private routes(network: number, port: number): boolean {
    return SELF_TEST_ADDRESSES.some((address) => this.options.networks.hasRoute(network, { address, port }));
  }

  /**
   * Each family that has a way out must arrive at our listener: before all connections are led there a connection of
   * ours alone, and from then on one like all others.
   */
  private async prove(held: HeldContainer): Promise<void> {
    const { networks, port, log } = this.options;
    const network = held.network!;
    const whom: RulesFor = held.state === "captured" ? "all" : "trial";
    held.areWaysChanged = false;
    const ways = SELF_TEST_ADDRESSES.filter((address) => networks.hasRoute(network, { address, port }));
    if (whom === "all" && held.way === "rewrite" && ways.join() !== held.ways.join()) {
      // What has no way out shall fail as without us, and not arrive here.
      networks.removeRules(network);
      this.tryAgain(held);
      return;
    }
    held.state = "proving";
    held.provedAt = this.now();
    if (whom === "trial") {
      held.ways = ways;
      const failure = await this.install(held, network, whom, ways);
      if (!this.isProving(held, network)) return;
      if (failure !== null) {
        this.fail(held, failure);
        return;
      }
    }
    const proved = whom === "all" && held.way === "rewrite" ? held.led : ways;
    let isDoubtful = false;
    const doubt = setTimeout(() => {
      if (whom === "trial") return; // nobody waits for it
      isDoubtful = true;
      if (held.network === network) networks.removeRules(network);
    }, DOUBT_MS);
    const results = await Promise.all(proved.map((address) => this.proveBy(held, network, address, whom)));
    clearTimeout(doubt);
    if (!this.isProving(held, network)) return;
    // The rewrite can be of one family alone: of those that arrive in its trial.
    const isChoice = whom === "trial" && held.way === "rewrite" && results.some(arrives);
    const failure = isChoice ? undefined : failureOf(results, proved);
    if (failure !== undefined) {
      this.fail(held, failure);
      return;
    }
    held.failures = 0;
    held.provedAt = this.now();
    if (isDoubtful || results.length === 0) {
      networks.removeRules(network);
      wait(held);
      return;
    }
    if (whom === "trial") {
      held.led = proved.filter((_, index) => arrives(results[index]!));
      const failure = await this.install(held, network, "all", held.led);
      if (!this.isProving(held, network)) return;
      if (failure !== null) {
        this.fail(held, failure);
        return;
      }
      held.capturedAt = this.now();
      held.wasCaptured = true;
    }
    held.state = "captured";
    if (whom === "all") return;
    const why = [...held.failed.values()].join("; ");
    held.failed.clear();
    const how = held.way === "rules" ? "" : ", by rewrite";
    log.debug(`container ${nameOf(held)}: captured${how}${why && `, since otherwise: ${why}`}`);
  }

  /** False when what was begun counts for nothing: meanwhile it was let go of, or what it was begun under has changed. */
  private isProving(held: HeldContainer, network: number): boolean {
    if (held.network !== network || held.state !== "proving") return false;
    if (this.paused) {
      held.state = "waiting";
      return false;
    }
    if (this.hasChanged(held)) {
      this.tryAgain(held);
      return false;
    }
    return true;
  }

  /** Null, or why not. Rules that come too late go at once. */
  private async install(
    { way }: HeldContainer,
    network: number,
    whom: RulesFor,
    addresses: readonly string[],
  ): Promise<string | null> {
    const { networks } = this.options;
    if (way === "rewrite") return networks.rewrite(network, whom, addresses.map(familyOf));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, RULES_MS, `its own rules keep the kernel busy for ${RULES_MS / 1_000} s`);
      timer.unref();
    });
    const installed = networks.installRules(network, whom);
    const failure = await Promise.race([installed, late]);
    clearTimeout(timer);
    if (failure !== null) networks.removeRules(network);
    return failure;
  }

  private proveBy(
    held: HeldContainer,
    network: number,
    address: string,
    whom: RulesFor,
  ): Promise<SelfTestResult> {
    const { networks, port, nonce, prove } = this.options;
    if (prove) return prove(network, address, whom, held.way);
    const fd = networks.openSocket(network, familyOf(address), whom);
    if (fd < 0) return Promise.resolve({ kind: "no_route" });
    // Not yet connected, so that there is nothing to be read.
    const socket = new Socket({ fd, readable: true, writable: true, manualStart: true } as object);
    const isLast = whom === "all" || held.failed.size > 0;
    return selfTestOn(socket, address, port, nonce, isLast ? undefined : OTHER_WAY_MS);
  }

  /** What fails one way is tried the other way before anything follows from it. */
  private fail(held: HeldContainer, reason: string): void {
    held.failed.set(held.way, reason);
    this.options.networks.removeRules(held.network!);
    held.way = held.way === "rules" ? "rewrite" : "rules";
    if (!held.failed.has(held.way)) {
      wait(held);
      void this.prove(held);
      return;
    }
    const reasons = [...new Set(held.failed.values())].join("; ");
    held.failed.clear();
    if (held.wasCaptured) this.rest(held, reasons);
    else this.leaveAlone(held, reasons);
  }

  /** New connections go directly; whatever stalls us for a moment is no reason to leave it alone for good. */
  private rest(held: HeldContainer, reason: string): void {
    held.failures++;
    if (held.failures >= MOST_FAILURES) {
      this.leaveAlone(held, reason);
      return;
    }
    wait(held);
    held.restsUntil = this.now() + held.failures * REST_MS;
    this.options.log.debug(`container ${nameOf(held)}: not captured for a while: ${reason}`);
  }

  private leaveAlone(held: HeldContainer, reason: string): void {
    // What is open in one that was captured needs its network until it ends.
    if (!held.wasCaptured) this.letGo(held);
    held.state = "left_alone";
    held.reason = reason;
    this.options.log.warn(`container ${nameOf(held)} is left alone: ${reason}`);
  }

  private letGo(held: HeldContainer): void {
    if (held.network !== undefined) this.options.networks.close(held.network);
    held.network = undefined;
  }
}

/**
 * There was a route just before: a firewall may answer that there is none (`icmp-admin-prohibited`, as in the allow-list of
 * development containers).
 */
function failureOf(results: readonly SelfTestResult[], addresses: readonly string[]): string | undefined {
  const index = results.findIndex((result) => !arrives(result));
  const result = results[index];
  if (result === undefined) return undefined;
  if (result.kind === "failed") return result.reason;
  return `IPv${familyOf(addresses[index]!)}: unreachable, although there is a way out`;
}

const arrives = ({ kind }: SelfTestResult) => kind === "arrived";

const familyOf = (address: string): Family => (address.includes(":") ? 6 : 4);
