/** The NSS databases of a browser process: those in its user's home, or of the profile on its command line. */

import { LruCache } from "../lru-cache.js";
import type { NamedFiles } from "./named-files.js";
import type { Holding } from "./predict.js";
import type { ProcessFiles, ProcessRef } from "./process-files.js";
import type { Environment } from "./trust-variables.js";

const LIST_LIMIT_MS = 20;
const MAX_PROFILES = 32;
/** Those of the folders known to `oximy ca install` that are in the process's own home. */
const FIREFOX_FOLDERS = [".mozilla/firefox", ".config/mozilla/firefox"];

const ABSENT: Holding = { kind: "absent" };

export class BrowserStores {
  /** The last observation of a database, to know since when it has had ours. */
  private readonly before = new LruCache<string, Holding>(256);

  constructor(
    private readonly files: ProcessFiles,
    private readonly named: NamedFiles,
  ) {}

  async chromium(process: ProcessRef, environment: Environment): Promise<Holding> {
    const { HOME: home, XDG_DATA_HOME: data } = environment;
    if (!home?.startsWith("/")) return { kind: "unknown" };
    // crypto/nss_util.cc: the legacy folder if it exists, else one below the data folder.
    const databases = [
      `${home}/.pki/nssdb`,
      `${data?.startsWith("/") ? data : `${home}/.local/share`}/pki/nssdb`,
    ];
    for (const folder of databases) {
      const holding = await this.database(process, folder);
      if (holding.kind !== "absent") return holding;
    }
    return ABSENT;
  }

  /** @param profile absolute path, if given on the command line */
  async firefox(process: ProcessRef, environment: Environment, profile?: string): Promise<Holding> {
    if (profile !== undefined) {
      return profile.startsWith("/") ? this.database(process, profile) : { kind: "unknown" };
    }
    const { HOME: home } = environment;
    if (!home?.startsWith("/")) return { kind: "unknown" };
    const holdings: Holding[] = [];
    for (const folder of FIREFOX_FOLDERS) {
      const names = await this.files.listFolderAs(process, `${home}/${folder}`, MAX_PROFILES, LIST_LIMIT_MS);
      for (const name of names ?? []) {
        const holding = await this.database(process, `${home}/${folder}/${name}`);
        if (holding.kind !== "absent") holdings.push(holding);
      }
    }
    return inCommon(holdings);
  }

  private async database(process: ProcessRef, folder: string): Promise<Holding> {
    const holding = await this.named.database(process, `${folder}/cert9.db`);
    const key = `${process.uid}:${folder}`;
    const before = this.before.get(key);
    // A browser constantly writes its own database: a certificate that was in it before keeps its time.
    const result =
      holding.kind === "ours" && before?.kind === "ours" && before.since < holding.since ? before : holding;
    this.before.set(key, result);
    return result;
  }
}

/** It is not visible from outside which profile a browser uses: only what all of them share is known. */
export function inCommon(holdings: readonly Holding[]): Holding {
  const ours = holdings.flatMap((holding) => (holding.kind === "ours" ? [holding.since] : []));
  if (holdings.length === 0) return ABSENT;
  if (ours.length === holdings.length) return { kind: "ours", since: Math.max(...ours) };
  if (ours.length > 0 || holdings.some(({ kind }) => kind === "unknown")) return { kind: "unknown" };
  return { kind: "other" };
}
