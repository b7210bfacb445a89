/**
 * Root's part in reading connections: it places probes in the TLS stacks of programs that open wanted connections, and
 * passes only the secrets of those handshakes to the capture thread.
 */

import { join } from "node:path";
import type { Log } from "../log.js";
import { LruCache } from "../lru-cache.js";
import type { NativeAddon } from "../native/native.js";
import { commonStacks } from "../secrets/common-stacks.js";
import { SecretProbes } from "../secrets/probes.js";
import { SecretService, type WatchAnswer } from "../secrets/secret-service.js";
import { SiteCache } from "../secrets/site-cache.js";
import { StackFinder } from "../secrets/stack-finder.js";

/** World-readable files are searched with the rights of nobody. */
const NOBODY = { uid: 65_534, gid: 65_534 } as const;
const NONE = (reason: string): WatchAnswer => ({ state: "none", reason });
const MAX_PROCESSES = 4_096;

export interface SecretAgentOptions {
  readonly native: NativeAddon;
  readonly log: Log;
  /** Whether the secrets of this user's programs may be read. */
  readonly selectsUser: (uid: number) => boolean;
  readonly folder: string;
}

/** Null when secrets can be read here, else the reason why not. */
export function whyNothingIsRead(native: NativeAddon): string | null {
  if (native.implementation !== "linux") return "only Linux lets the secrets of TLS sessions be read";
  return SecretProbes.support();
}

export class SecretAgent {
  private readonly service: SecretService;
  private readonly finder: StackFinder;
  private readonly probes: SecretProbes;
  /** Processes whose connections were looked up: secrets of others are never released, whatever the proxy requests. */
  private readonly lookedUp = new LruCache<string, number>(MAX_PROCESSES);

  /** @param secretsFd a stream to the proxy; the caller keeps ownership. Throws OximyError OXIMY_E_PLATFORM. */
  constructor(
    secretsFd: number,
    private readonly options: SecretAgentOptions,
  ) {
    options.native.forbidCoreDumps();
    this.probes = new SecretProbes(secretsFd);
    this.finder = new StackFinder({
      cache: SiteCache.at(join(options.folder, "sites.json")),
      onProblem: (problem) => options.log.debug(`secrets: ${problem}`),
    });
    this.service = new SecretService({ probes: this.probes, finder: this.finder });
  }

  /** Searches common TLS stacks in advance; called when everything else is up. */
  searchAhead(): void {
    for (const path of commonStacks()) void this.finder.searchAhead(path, NOBODY);
  }

  /** A connection of this process was looked up for the proxy: its secrets may be requested. */
  allow(pid: number, startTime: number | undefined, uid: number | undefined): void {
    if (startTime !== undefined && uid !== undefined) this.lookedUp.set(`${pid}:${startTime}`, uid);
  }

  watch(id: number, pid: number, startTime: number, random: Uint8Array): WatchAnswer {
    const uid = this.lookedUp.get(`${pid}:${startTime}`);
    if (uid === undefined) return NONE("the process has no connection that was looked up");
    if (!this.options.selectsUser(uid)) return NONE("the user is not selected");
    return this.service.watch(id, pid, startTime, random);
  }

  unwatch(id: number): void {
    this.service.unwatch(id);
  }

  close(): void {
    this.service.close();
    this.finder.close();
    this.probes.close();
  }
}
