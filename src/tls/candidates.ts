import type { Direction } from "../connection/direction.js";
import type { RecordOpener } from "./record.js";

/** Labels of the key log format (draft-ietf-tls-keylogfile). */
export type SecretLabel =
  | "CLIENT_RANDOM"
  | "CLIENT_EARLY_TRAFFIC_SECRET"
  | "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
  | "SERVER_HANDSHAKE_TRAFFIC_SECRET"
  | "CLIENT_TRAFFIC_SECRET_0"
  | "SERVER_TRAFFIC_SECRET_0"
  | "CLIENT_TRAFFIC_SECRET_N" // OpenSSL, after a key update; derived from the previous ones
  | "SERVER_TRAFFIC_SECRET_N"
  | "EARLY_EXPORTER_SECRET"
  | "EXPORTER_SECRET";

/** Part of a TLS 1.3 session with its own key. */
export type Phase = "early" | "handshake" | "application";

/** What a labelled secret protects; undefined: no TLS 1.3 records. */
export const ROLE: Readonly<
  Record<SecretLabel, { readonly direction: Direction; readonly phase: Phase } | undefined>
> = {
  CLIENT_RANDOM: undefined,
  CLIENT_EARLY_TRAFFIC_SECRET: { direction: "request", phase: "early" },
  CLIENT_HANDSHAKE_TRAFFIC_SECRET: { direction: "request", phase: "handshake" },
  SERVER_HANDSHAKE_TRAFFIC_SECRET: { direction: "response", phase: "handshake" },
  CLIENT_TRAFFIC_SECRET_0: { direction: "request", phase: "application" },
  SERVER_TRAFFIC_SECRET_0: { direction: "response", phase: "application" },
  CLIENT_TRAFFIC_SECRET_N: undefined,
  SERVER_TRAFFIC_SECRET_N: undefined,
  EARLY_EXPORTER_SECRET: undefined,
  EXPORTER_SECRET: undefined,
};

/** A secret that may belong to this session or to another one; decrypting a record proves that it belongs here. */
export interface Candidate {
  /** Counts up: later candidates have larger ones. */
  readonly id: number;
  readonly label: SecretLabel | undefined;
  readonly secret: Buffer;
  /** Created on the first attempt and kept: deriving keys costs more than an attempt. */
  openers: Readonly<Record<Direction, RecordOpener>> | undefined;
}

/**
 * Secrets of other sessions arrive too, since their session may be unknown: this many are kept, oldest dropped first.
 */
const MAX_CANDIDATES = 64;
/** SHA-256 and SHA-384; a TLS 1.2 master secret is as long as the latter. */
const LENGTHS: ReadonlySet<number> = new Set([32, 48]);

/** Secrets not yet matched to a key of this session. Owns their bytes. */
export class Candidates {
  private entries: Candidate[] = [];
  private idCounter = 0;

  /** The smallest id of any future candidate. */
  get nextId(): number {
    return this.idCounter;
  }

  get list(): readonly Candidate[] {
    return this.entries;
  }

  /** False when it cannot be a secret that protects records. */
  add(label: SecretLabel | undefined, secret: Uint8Array): boolean {
    if (!LENGTHS.has(secret.length)) return false;
    if (label !== undefined && label !== "CLIENT_RANDOM" && ROLE[label] === undefined) return false;
    const isKnown = this.entries.some((known) => known.label === label && known.secret.equals(secret));
    if (isKnown) return false;
    this.entries.push({ id: this.idCounter++, label, secret: Buffer.from(secret), openers: undefined });
    if (this.entries.length > MAX_CANDIDATES) {
      const oldest = this.entries.find((candidate) => candidate.label === undefined) ?? this.entries[0]!;
      this.remove(oldest);
      wipeCandidate(oldest);
    }
    return true;
  }

  /** The caller owns the secret and the openers from now on. */
  remove(candidate: Candidate): void {
    this.entries = this.entries.filter((other) => other !== candidate);
  }

  wipe(): void {
    for (const candidate of this.entries) wipeCandidate(candidate);
    this.entries = [];
  }
}

function wipeCandidate({ secret, openers }: Candidate): void {
  secret.fill(0);
  openers?.request.wipe();
  openers?.response.wipe();
}
