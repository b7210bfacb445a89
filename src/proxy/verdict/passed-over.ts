/** Reports programs whose calls are seen but not read: one line each, once. */

import type { Reason } from "../../connection/reasons.js";
import { LruCache } from "../../lru-cache.js";
import { printable } from "../../terminal.js";
import type { KnownClient } from "./client.js";

const MAX_PROGRAMS = 1_000;

/** Reasons that the person at the terminal can act on. */
const ADVISABLE: ReadonlySet<Reason> = new Set<Reason>([
  "runtime_does_not_trust",
  "trust_unknown",
  "client_refused_before",
  "no_certificate",
]);

export class PassedOver {
  private readonly reported = new LruCache<string, true>(MAX_PROGRAMS);

  constructor(private readonly report: (line: string) => void) {}

  /** A connection of the client was passed through unread. */
  add(client: KnownClient, host: string, reason: Reason): void {
    if (reason === "too_many_connections") this.tooMany(client);
    const { program } = client;
    if (!program || !ADVISABLE.has(reason) || !this.isNews(program.key)) return;
    this.report(
      `${nameOf(client)} is seen at ${printable(host)} and not read: ${printable(program.trust.evidence)}. To have it read, ${printable(program.advice)}.`,
    );
  }

  /** The client refused our certificate. */
  refused(client: KnownClient, host: string, how: string): void {
    const { program } = client;
    if (!program || !this.isNews(program.key)) return;
    this.report(
      `${nameOf(client)} does not trust Oximy's certificate (${printable(how)}, at ${printable(host)}) and is passed through from now on. ` +
        `To have it read, ${printable(program.advice)}.`,
    );
  }

  private tooMany({ owner }: KnownClient): void {
    const { user, uid } = owner.kind === "process" ? owner.process : { user: undefined, uid: owner.uid };
    const whose = user ?? (uid === undefined ? "unknown users" : `user ${uid}`);
    if (!this.isNews(`too many of ${uid}`)) return;
    this.report(
      `More connections of ${printable(whose)} are open than are read at a time: the newest pass through unread. ` +
        "More are read with a higher limit of open files (oximy doctor).",
    );
  }

  private isNews(key: string): boolean {
    if (this.reported.get(key)) return false;
    this.reported.set(key, true);
    return true;
  }
}

function nameOf({ app, program }: KnownClient): string {
  return printable(app?.name ?? program?.name ?? "A program");
}
