/** The proxy's side of reading: requests secrets from the supervisor, and passes on those sent on their descriptor. */

import { Socket, type SocketConstructorOpts } from "node:net";
import { withTimeout } from "../attribution/time-limit.js";
import type { ReadOutcome } from "../capture/protocol.js";
import { LruCache } from "../lru-cache.js";
import type { SecretSource, SitesWatch } from "../proxy/read-passage.js";
import type { KnownClient } from "../proxy/verdict/client.js";
import type { ToSupervisor } from "./protocol.js";

/** For the supervisor's first answer, even on a busy machine. */
const ANSWER_MS = 300;
/** After this many failures a program is not read until its executable changes, which changes its key. */
const MAX_FAILURES = 2;
const MAX_PROGRAMS = 1_000;
const MAX_CONNECTIONS = 4_096;

/** A short connection may end before its secrets arrive. */
const OUTLAST_MS = 1_000;

interface Watched {
  answer: (state: SitesWatch["state"]) => void;
  end?: NodeJS.Timeout;
}

export class RemoteSecrets implements SecretSource {
  private readonly watched = new Map<number, Watched>();
  /** By connection: its outcome may be reported after its end. */
  private readonly programs = new LruCache<number, string>(MAX_CONNECTIONS);
  private readonly failures = new LruCache<string, number>(MAX_PROGRAMS);

  constructor(private readonly send: (message: ToSupervisor) => void) {}

  async watch(id: number, { owner, program }: KnownClient, random: Uint8Array): Promise<SitesWatch> {
    if (owner.kind !== "process" || owner.process.startTime === undefined) return { state: "none" };
    if (program && (this.failures.peek(program.key) ?? 0) >= MAX_FAILURES) return { state: "failed" };
    const { pid, startTime } = owner.process;
    const first = new Promise<SitesWatch["state"]>((resolve) => {
      this.watched.set(id, { answer: resolve });
    });
    if (program) this.programs.set(id, program.key);
    this.send({ type: "watch", id, pid, startTime, random: Buffer.from(random).toString("hex") });
    // A late answer is awaited like a search: the server's bytes are held back meanwhile.
    const state = await withTimeout(ANSWER_MS, first, () => "searching" as const);
    if (state !== "searching") return { state };
    const ready = new Promise<"known" | "none">((resolve) => {
      const settle = (later: SitesWatch["state"]) => {
        if (later !== "searching") resolve(later === "known" ? "known" : "none");
      };
      const watched = this.watched.get(id);
      if (!watched) return resolve("none");
      watched.answer = settle;
      void first.then(settle);
    });
    return { state, ready };
  }

  /** The connection has ended: once its secrets arrive, or after a second, none are wanted any more. */
  unwatch(id: number): void {
    const watched = this.watched.get(id);
    if (watched) watched.end ??= setTimeout(() => this.forget(id), OUTLAST_MS).unref();
  }

  private forget(id: number): void {
    clearTimeout(this.watched.get(id)?.end);
    if (this.watched.delete(id)) this.send({ type: "unwatch", id });
  }

  answer(id: number, state: SitesWatch["state"]): void {
    this.watched.get(id)?.answer(state);
  }

  /** The outcome of a connection whose secrets were requested. */
  onOutcome(id: number, outcome: ReadOutcome): void {
    if (this.watched.get(id)?.end) this.forget(id);
    const program = this.programs.peek(id);
    if (program === undefined) return;
    if (outcome === "opened") this.failures.delete(program);
    else this.failures.set(program, (this.failures.peek(program) ?? 0) + 1);
  }
}

/** Frames that arrive together; larger amounts arrive in parts. */
const BUFFER = 72 * 64;

/**
 * Reads frames of secrets from a descriptor and passes their bytes on, each buffer once and with ownership: no copy
 * stays here.
 */
export function readSecrets(fd: number, take: (bytes: Uint8Array<ArrayBuffer>) => void): void {
  const buffer = new Uint8Array(BUFFER);
  const onread = {
    // One buffer for all reads, so that no copy is left in Node's pools.
    buffer,
    callback: (length: number) => {
      const bytes = buffer.slice(0, length);
      buffer.fill(0, 0, length);
      take(bytes);
      return true;
    },
  };
  // @types/node has `onread` for connecting sockets only.
  const socket = new Socket({ fd, readable: true, writable: false, onread } as SocketConstructorOpts);
  // A dead supervisor is detected by the end of the channel.
  socket.on("error", () => {}).unref();
  socket.resume();
}
