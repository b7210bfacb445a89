/**
 * A connection that is read: passed through byte for byte in the client's own TLS session, while a copy of the
 * ciphertext goes to the capture plane, which decrypts it with the session's secrets.
 */

import { withTimeout } from "../attribution/time-limit.js";
import type { Connection } from "../connection/connection.js";
import type { CopiedPassage } from "./accept/accepted-connection.js";
import type { NothingRead } from "./intercept/intercept.js";
import { relay, type Side } from "./relay.js";
import type { Tap, TapSink } from "./tap.js";
import type { KnownClient } from "./verdict/client.js";
import type { SitesState } from "./verdict/decide.js";

/** Whether the secrets of a client's TLS stack are available. */
export interface SitesWatch {
  readonly state: SitesState;
  /** The result of a search that is under way. Never rejects. */
  readonly ready?: Promise<"known" | "none">;
}

/** The TLS secrets of clients' own sessions, which are sent directly to the capture plane. */
export interface SecretSource {
  /**
   * Requests the secrets of the session that starts with this client random. Never rejects.
   * @param id of the connection, with which the secrets are delivered
   */
  watch(id: number, client: KnownClient, random: Uint8Array): Promise<SitesWatch>;
  /** The connection has ended. */
  unwatch(id: number): void;
}

/** How long the server's bytes wait for the probes, once per build of an executable. */
const HOLD_MS = 150;

/** As `readPassage`, where the native front relays and copies. */
export async function readCopied(
  passage: CopiedPassage,
  connection: Connection,
  { taps, sites }: { readonly taps: TapSink; readonly sites: SitesWatch },
): Promise<NothingRead | undefined> {
  const tap = taps.openCopied(connection, passage);
  const outcome = sites.ready && (await withTimeout(HOLD_MS, sites.ready, () => "late" as const));
  const isRead = outcome === undefined || outcome === "known";
  if (!isRead) tap.abandon();
  passage.release();
  const end = await passage.end;
  tap.close();
  return isRead ? undefined : { reason: reasonOf(outcome), end };
}

const reasonOf = (outcome: "none" | "late" | "known" | undefined) =>
  outcome === "none" ? "tls_secrets_unavailable" : "tls_sites_late";

/** Resolves with the reason why nothing was copied, or with undefined: the capture plane then reports the rest. */
export async function readPassage(
  client: Side,
  server: Side,
  connection: Connection,
  { taps, sites }: { readonly taps: TapSink; readonly sites: SitesWatch },
): Promise<NothingRead | undefined> {
  let tap: Tap | undefined;
  /** What the client sent during the search for the sites. */
  let early: Buffer[] | undefined = [];
  const settle = (outcome: "known" | "none" | "late") => {
    if (outcome === "known") tap = taps.open(connection);
    for (const bytes of early ?? []) tap?.push("request", bytes);
    early = undefined;
    return outcome;
  };
  const release = sites.ready && withTimeout(HOLD_MS, sites.ready, () => "late" as const).then(settle);
  if (!release) settle("known");
  const end = await relay(client, server, {
    ...(release ? { release } : {}),
    onBytes: (direction, bytes) => {
      if (early && direction === "request") early.push(bytes);
      else tap?.push(direction, bytes);
    },
    onEnd: (direction) => tap?.end(direction),
  });
  const outcome = await release;
  tap?.close(end.cause);
  if (tap) return undefined;
  return { reason: reasonOf(outcome), end };
}
