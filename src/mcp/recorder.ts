/**
 * Passes the relayed bytes to the recording thread. Never throws, never waits; bytes that the thread cannot take in
 * time are dropped, and the calls in them are lost.
 */

import { Worker } from "node:worker_threads";
import type { McpParty } from "../interaction/mcp/mcp-session.js";
import type { Chunk, FromRecording, RecordingData, ToRecording } from "./recording-protocol.js";

/** Most bytes queued for the thread. */
const MAX_WAITING = 64 << 20;
const FULL_PACK = 256 << 10;
/** Waking the thread costs more than reading a message, so the chunks of this time are sent together. */
const GATHER_MS = 10;
/** A message of the maximum size takes about ten times as much memory once parsed. */
const HEAP_MB = 768;

const now = () => performance.timeOrigin + performance.now();

export class McpRecorder {
  private worker: Worker | undefined;
  private pack: Chunk[] = [];
  private packBytes = 0;
  private waiting = 0;
  private timer: NodeJS.Timeout | undefined;
  private isOff = false;
  /** Parties with dropped bytes that the thread was notified of. */
  private readonly gaps = new Set<McpParty>();
  private endedBy: McpParty | undefined;
  private readonly whenEnded: Promise<void>;
  private resolveEnded: () => void = () => {};

  /** @param onLost called with a reason when recording stops, or fails in part */
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

  /** The party sends nothing more; if it is the server, its open requests stay unanswered. */
  ended(party: McpParty): void {
    this.endedBy ??= party;
  }

  /** Starts the thread. Bytes taken before are queued for it. */
  start(data: RecordingData): void {
    if (this.isOff) return;
    const worker = new Worker(new URL("./recording-thread.js", import.meta.url), {
      workerData: data,
      // Otherwise it would share our standard output, which is the connection to the client.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    worker.on("message", (message: FromRecording) => this.onMessage(message));
    worker.once("error", (error) => this.off(error.message));
    worker.once("exit", () => this.off("its thread ended"));
    worker.unref();
    this.worker = worker;
    this.send();
  }

  /** Turns recording off without reporting a loss. */
  disable(): void {
    this.isOff = true;
    this.pack = [];
    clearTimeout(this.timer);
  }

  /** Stops recording and reports why. */
  off(why: string): void {
    this.resolveEnded();
    if (this.isOff) return;
    this.disable();
    this.onLost(why);
  }

  /** Resolves when everything is written, or recording has stopped. */
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
    const chunks = this.pack;
    this.pack = [];
    this.packBytes = 0;
    this.post({ type: "chunks", chunks }, chunks);
  }

  private post(message: ToRecording, chunks: readonly Chunk[] = []): void {
    const buffers = chunks.flatMap(({ bytes }) => (bytes === null ? [] : [bytes.buffer as ArrayBuffer]));
    this.worker?.postMessage(message, buffers);
  }

  private onMessage(message: FromRecording): void {
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
