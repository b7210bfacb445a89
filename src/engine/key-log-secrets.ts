/**
 * TLS secrets out of a key log that the clients write themselves, because their environment tells them to.
 *
 * At the hello nobody knows whether a client will: the runtimes that do are known, others are when they were seen to. A
 * program that did not twice is taken for one that does not. So is after one connection any other that may refuse our
 * certificate.
 */

import type { ReadOutcome } from "../capture/protocol.js";
import { LruCache } from "../lru-cache.js";
import type { SecretSource, SitesWatch } from "../proxy/read-passage.js";
import type { KnownClient } from "../proxy/verdict/client.js";
import { type KeyLogEntry, KeyLogParser } from "../secrets/key-log-parser.js";
import { encodeSecretFrame, SECRET_FRAME_BYTES } from "../secrets/secret-frame.js";
import { type KeyLogMeans, keyLogMeans } from "./key-log-runtimes.js";

const MAX_FAILURES = 2;
const MAX_PROGRAMS = 1_000;
const MAX_CONNECTIONS = 4_096;
/** A handshake has six secrets at most; one that is repeated again and again is no handshake's. */
const MAX_SECRETS = 16;
/** Secrets are written beside the connection: what is short may be over before they come. */
const LATE_MS = 2_000;

interface Watched {
  readonly id: number;
  readonly program: string;
  readonly isRead: boolean;
  secrets: number;
  /** Epoch milliseconds. */
  endedAt?: number;
}

export class KeyLogSecrets implements SecretSource {
  private readonly parser = new KeyLogParser();
  /** By the client's random, in hexadecimal digits: it is public. */
  private readonly byRandom = new LruCache<string, Watched>(MAX_CONNECTIONS);
  /** What becomes of a connection may be told after its end. */
  private readonly byId = new LruCache<number, Watched>(MAX_CONNECTIONS);
  private readonly failures = new LruCache<string, number>(MAX_PROGRAMS);
  private readonly seenToLog = new LruCache<string, true>(MAX_PROGRAMS);
  private means: ReadonlySet<KeyLogMeans> = new Set();
  private deliver: ((frames: Uint8Array<ArrayBuffer>) => void) | undefined;

  constructor(private readonly now: () => number = Date.now) {}

  /** What the clients' environment tells them. */
  useMeans(means: ReadonlySet<KeyLogMeans>): void {
    this.means = means;
  }

  /** Frames of secrets (secrets/secret-frame.ts) go there; each buffer is handed over. */
  deliverTo(deliver: (frames: Uint8Array<ArrayBuffer>) => void): void {
    this.deliver = deliver;
  }

  async watch(id: number, client: KnownClient, random: Uint8Array): Promise<SitesWatch> {
    const { owner } = client;
    if (owner.kind !== "process" || owner.process.path === undefined) return { state: "none" };
    const { path, uid } = owner.process;
    const program = client.program?.key ?? `${uid}:${path}`;
    const failures = this.failures.peek(program) ?? 0;
    const isRead = this.isTakenToLog(program, path, client, failures);
    // One that is not read is watched too: it may turn out to log.
    const watched: Watched = { id, program, isRead, secrets: 0 };
    this.byRandom.set(hexOf(random), watched);
    if (!isRead) return { state: failures > 0 ? "failed" : "none" };
    this.byId.set(id, watched);
    return { state: "known" };
  }

  unwatch(id: number): void {
    const watched = this.byId.peek(id);
    if (watched) watched.endedAt = this.now();
  }

  onOutcome(id: number, outcome: ReadOutcome): void {
    const watched = this.byId.peek(id);
    if (!watched) return;
    const { program } = watched;
    if (outcome === "opened") this.failures.delete(program);
    else this.failures.set(program, (this.failures.peek(program) ?? 0) + 1);
  }

  /** Bytes of the key log, in order; they are wiped. */
  push(bytes: Uint8Array): void {
    const frames: Buffer[] = [];
    this.parser.push(bytes, (entry) => {
      const frame = this.frameOf(entry);
      entry.secret.fill(0);
      if (frame) frames.push(frame);
    });
    if (frames.length === 0) return;
    const joined = new Uint8Array(frames.length * SECRET_FRAME_BYTES);
    frames.forEach((frame, index) => {
      joined.set(frame, index * SECRET_FRAME_BYTES);
      frame.fill(0);
    });
    if (this.deliver) this.deliver(joined);
    else joined.fill(0);
  }

  /** Forgets what came in part. */
  wipe(): void {
    this.parser.wipe();
  }

  private isTakenToLog(program: string, path: string, client: KnownClient, failures: number): boolean {
    if (failures >= MAX_FAILURES) return false;
    if (this.seenToLog.peek(program)) return true;
    const means = keyLogMeans(path);
    if (means === "none") return false;
    if (means !== "unknown") return this.means.has(means);
    // Who may refuse our certificate is better off with one connection that is not read after all.
    const mayRefuse = client.program !== undefined && client.program.trust.kind !== "trusts";
    return mayRefuse && failures === 0 && this.means.has("SSLKEYLOGFILE");
  }

  /** Nothing for the secrets of sessions that are not read. */
  private frameOf({ label, random, secret }: KeyLogEntry): Buffer | undefined {
    const watched = this.byRandom.peek(hexOf(random));
    if (!watched) return undefined;
    if (!watched.isRead) {
      this.seenToLog.set(watched.program, true);
      return undefined;
    }
    const { endedAt } = watched;
    if (endedAt !== undefined && this.now() - endedAt > LATE_MS) return undefined;
    if (++watched.secrets > MAX_SECRETS) return undefined;
    return encodeSecretFrame({ watchId: watched.id, label, candidate: false, secret });
  }
}

const hexOf = (random: Uint8Array): string =>
  Buffer.from(random.buffer, random.byteOffset, random.byteLength).toString("hex");
