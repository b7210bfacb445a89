/**
 * Hands what is said to the thread that records it. Never throws, never waits; what that thread cannot take in time is
 * left out, and the calls in it are lost.
 */

import { Worker } from "node:worker_threads";
import type { McpParty } from "../interaction/mcp/mcp-session.js";
import type { FromRecording, RecordingData, Said, ToRecording } from "./recording-protocol.js";

/** Bytes that may wait for the thread. */
const MAX_WAITING = 64 << 20;
const FULL_PACK = 256 << 10;
/** To wake the thread costs more than to read a message: what comes within this time goes together. */
const GATHER_MS = 10;
/** A message of the bound's size takes some ten times as much as an object. */
const HEAP_MB = 768;

const now = () => performance.timeOrigin + performance.now();

export class McpRecorder {
  private worker: Worker | undefined;
  private pack: Said[] = [];
  private packBytes = 0;
  private waiting = 0;
  private timer: NodeJS.Timeout | undefined;
  private isOff = false;
  /** Who said something that was left out, since it was told. */
  private readonly gaps = new Set<McpParty>();
  private endedBy: McpParty | undefined;
  private readonly whenEnded: Promise<void>;
  private resolveEnded: () => void = () => {};

  /** @param onLost told once when nothing is recorded any more, and why */
  constructor(private readonly onLost: (why: string) => void) {
    this.whenEnded = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
  }

  take(from: McpParty, bytes: Uint8Array): void {
    if (this.isOff) return;
    const time = now();
    if (this.waiting + bytes.length > MAX_WAITING) {
      if (!this.gaps.has(from)) this.pack.push({ from, time, bytes: null });
      this.gaps.add(from);
      return;
    }
    this.gaps.delete(from);
    this.waiting += bytes.length;
    this.packBytes += bytes.length;
    this.pack.push({ from, time, bytes: new Uint8Array(bytes) });
    if (this.packBytes >= FULL_PACK) this.send();
    else this.timer ??= setTimeout(() => this.send(), GATHER_MS).unref();
  }

  /** Says nothing more; what it was asked stays without an answer when it is the server. */
  ended(party: McpParty): void {
    this.endedBy ??= party;
  }

  /** What was taken before waits for it. */
  start(data: RecordingData): void {
    if (this.isOff) return;
    const worker = new Worker(new URL("./recording-thread.js", import.meta.url), {
      workerData: data,
      // Else its standard output would be ours, which is the client's and open already.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    worker.on("message", (message: FromRecording) => this.told(message));
    worker.once("error", (error) => this.off(error.message));
    worker.once("exit", () => this.off("its thread ended"));
    worker.unref();
    this.worker = worker;
    this.send();
  }

  /** Nothing is to be recorded: that is no loss. */
  disable(): void {
    this.isOff = true;
    this.pack = [];
    clearTimeout(this.timer);
  }

  /** Nothing is recorded from now on. */
  off(why: string): void {
    this.resolveEnded();
    if (this.isOff) return;
    this.disable();
    this.onLost(why);
  }

  /** Resolves when all is written, or nothing is recorded any more. */
  async close(): Promise<void> {
    if (this.isOff || this.worker === undefined) return;
    this.send();
    this.post({ type: "end", by: this.endedBy ?? "server", time: now() });
    await this.whenEnded;
    this.isOff = true;
  }

  private send(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.worker === undefined || this.pack.length === 0) return;
    const said = this.pack;
    this.pack = [];
    this.packBytes = 0;
    this.post({ type: "said", said }, said);
  }

  private post(message: ToRecording, said: readonly Said[] = []): void {
    const buffers = said.flatMap(({ bytes }) => (bytes === null ? [] : [bytes.buffer as ArrayBuffer]));
    this.worker?.postMessage(message, buffers);
  }

  private told(message: FromRecording): void {
    switch (message.type) {
      case "read":
        this.waiting -= message.bytes;
        return;
      case "ended":
        this.resolveEnded();
        return;
      case "warn":
        this.onLost(message.message);
    }
  }
}
