/**
 * Watches the redirect of macOS while it is installed. pf state belongs to no process: any program may flush rules or
 * disable pf, and a VPN that comes up changes the outgoing interface. So pf is checked every few seconds and on every
 * change of routes, and the path is tested again whenever something had to be fixed.
 */

import { spawn } from "node:child_process";
import type { OximyError } from "../errors.js";
import type { Log } from "../log.js";
import type { AddressFamily } from "./held-redirect.js";
import type { MacRedirect } from "./redirect-macos.js";
import type { SelfTestResult } from "./self-test.js";

export type Proof = Readonly<Record<AddressFamily, SelfTestResult>>;

/** The part of the redirect that it uses. */
export type WatchedRedirect = Pick<MacRedirect, "check" | "withdraw" | "restore" | "leaveOut" | "takeBoth">;

export interface PfWatchOptions {
  readonly redirect: WatchedRedirect;
  /** Test connections of each family. Never rejects. */
  readonly prove: () => Promise<Proof>;
  /** The rules were removed for another reason, and must stay so. */
  readonly isPaused: () => boolean;
  readonly log: Log;
  /** Calls back on every change of routes or interfaces, until the returned function is called. */
  readonly onRouteChange?: (changed: () => void) => () => void;
  readonly everyMs?: number;
}

const EVERY_MS = 4_000;
/** Routes change by the dozen when a VPN comes up. */
const SETTLED_MS = 500;

export class PfWatch {
  private timer: NodeJS.Timeout | undefined;
  private readonly unlisten: () => void;
  private reported = "";
  /** Withdrawn by us because the path did not work. */
  private failed = false;
  /** Our rules were not in force at the last check. */
  private lost = false;
  private changed = false;
  private looking: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly options: PfWatchOptions) {
    this.unlisten = (options.onRouteChange ?? monitorRoutes)(() => this.soon());
    this.schedule(options.everyMs ?? EVERY_MS);
  }

  /** Resolves when a check in progress has ended. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    this.unlisten();
    await this.looking;
  }

  /** One check; also for tests. */
  look(): Promise<void> {
    this.looking ??= this.lookOnce().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  private soon(): void {
    // Not postponed by each further change, or a restless network would never be checked.
    if (!this.changed) this.schedule(SETTLED_MS);
    this.changed = true;
  }

  private schedule(ms: number): void {
    clearTimeout(this.timer);
    if (this.closed) return;
    this.timer = setTimeout(() => {
      void this.look().then(() => this.schedule(this.options.everyMs ?? EVERY_MS));
    }, ms);
  }

  private async lookOnce(): Promise<void> {
    const { redirect, isPaused } = this.options;
    if (isPaused()) return;
    const changed = this.changed;
    this.changed = false;
    const state = await redirect.check();
    if (this.closed) return;
    const wasLost = this.lost;
    this.lost = state.kind === "lost";
    switch (state.kind) {
      case "withdrawn":
        // A path that did not work is tested again when something has changed, and not before.
        if (this.failed && changed && !isPaused()) return this.tryAgain();
        this.changed ||= changed && !this.failed;
        return;
      case "lost":
        return this.report("error", `redirect: connections are not captured: ${state.why}`);
      case "renewed":
        return this.prove();
      case "ok":
        return changed || wasLost || this.failed ? this.prove() : undefined;
    }
  }

  private async tryAgain(): Promise<void> {
    try {
      await this.options.redirect.restore();
    } catch (error) {
      return this.report("error", `redirect: connections are not captured: ${(error as OximyError).message}`);
    }
    await this.prove();
  }

  /** A broken path is worse than none: connections on it would hang. */
  private async prove(): Promise<void> {
    const { redirect, prove } = this.options;
    await redirect.takeBoth();
    const proof = await prove();
    if (this.closed) return;
    this.failed = false;
    const failures = failuresOf(proof);
    if (failures.length === 0) return this.report("info", "");
    const [first] = failures;
    if (failures.length === 1 && first && works(proof)) {
      await redirect.leaveOut(first.family);
      return this.report("warn", `redirect: ${first.reason}; connections of this family are not captured`);
    }
    this.failed = true;
    await redirect.withdraw();
    this.report(
      "error",
      `redirect: connections go directly until the network changes (${failures.map(({ reason }) => reason).join("; ")})`,
    );
  }

  /** Logs changes only; an empty line means that all is well again. */
  private report(level: "info" | "warn" | "error", line: string): void {
    if (line === this.reported) return;
    this.options.log[level](line === "" ? "redirect: works again; capturing" : line);
    this.reported = line;
  }
}

/** The families whose test connections did not arrive. */
export function failuresOf(proof: Proof): { readonly family: AddressFamily; readonly reason: string }[] {
  return (["IPv4", "IPv6"] as const).flatMap((family) => {
    const result = proof[family];
    return result.kind === "failed" ? [{ family, reason: result.reason }] : [];
  });
}

/** Whether a test connection of any family arrived. */
export const works = (proof: Proof): boolean => Object.values(proof).some(({ kind }) => kind === "arrived");

/**
 * A message of route(8)'s `monitor` that may mean another outgoing interface: addresses, interfaces, and routes that
 * somebody set. Excludes those that the kernel creates for each neighbour (WASCLONED, LLINFO), and queries (RTM_GET),
 * which may be our own.
 */
const MEANS_CHANGE =
  /^RTM_(?:NEWADDR|DELADDR|IFINFO):|^RTM_(?:ADD|DELETE|CHANGE):(?!.*\b(?:WASCLONED|LLINFO)\b)/m;

export const meansChange = (messages: string): boolean => MEANS_CHANGE.test(messages);

/** `monitor` prints every message of the routing socket, and flushes after each. */
function monitorRoutes(changed: () => void): () => void {
  const monitor = spawn("/sbin/route", ["-n", "monitor"], { stdio: ["ignore", "pipe", "ignore"] });
  monitor.on("error", () => {}); // then only the timer triggers checks
  monitor.stdout.setEncoding("latin1").on("data", (messages: string) => {
    if (meansChange(messages)) changed();
  });
  return () => void monitor.kill();
}
