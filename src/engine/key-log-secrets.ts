/**
 * TLS secrets from a key log that the clients write themselves, because their environment requests it.
 *
 * At the ClientHello it is not certain that a client will. Some runtimes are known to log, others count as logging once
 * they were seen to. After two connections without secrets a program counts as one that does not log; if it may refuse
 * our certificate and is of an unknown runtime, after one.
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
/** A handshake has at most six secrets; a longer repetition does not come from a handshake. */
const MAX_SECRETS = 16;
/** Secrets are not synchronised with the connection: a short one may be over before they arrive. */
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
  /** By the client random in hexadecimal, which is public. */
  private readonly byRandom = new LruCache<string, Watched>(MAX_CONNECTIONS);
  /** By id, since the outcome of a connection may be reported after its end. */
  private readonly byId = new LruCache<number, Watched>(MAX_CONNECTIONS);
  private readonly failures = new LruCache<string, number>(MAX_PROGRAMS);
  private readonly seenToLog = new LruCache<string, true>(MAX_PROGRAMS);
  private means: ReadonlySet<KeyLogMeans> = new Set();
  private deliver: ((frames: Uint8Array<ArrayBuffer>) => void) | undefined;

  constructor(private readonly now: () => number = Date.now) {}

  /** The variables set in the clients' environment. */
  useMeans(means: ReadonlySet<KeyLogMeans>): void {
    this.means = means;
  }

  /** Sets the receiver of secret frames (secrets/secret-frame.ts); each buffer is transferred. */
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
    // Connections that are not read are watched too: the program may turn out to log.
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

  /** Wipes a partly received line. */
  wipe(): void {
    this.parser.wipe();
  }

  private isTakenToLog(program: string, path: string, client: KnownClient, failures: number): boolean {
    if (failures >= MAX_FAILURES) return false;
    if (this.seenToLog.peek(program)) return true;
    const means = keyLogMeans(path);
    if (means === "none") return false;
    if (means !== "unknown") return this.means.has(means);
    // For a program that may refuse our certificate, one connection that is not read is the lesser harm.
    const mayRefuse = client.program !== undefined && client.program.trust.kind !== "trusts";
    return mayRefuse && failures === 0 && this.means.has("SSLKEYLOGFILE");
  }

  /** Undefined for the secrets of sessions that are not read. */
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
