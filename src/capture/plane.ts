/**
 * The capture plane, seen from the data plane's thread: starts the capture thread, hands it what the taps copy,
 * bounds what is under way, and starts it anew when it dies or hangs. Traffic never notices.
 */

import { Worker } from "node:worker_threads";
import { type ErrorCode, OximyError } from "../errors.js";
import type { Direction } from "../exchange/exchange.js";
import type { CloseCause, ConnectionInfo, Tap, TapSink, UnreadConnection } from "../proxy/tap.js";
import { BatchWriter } from "./batch-writer.js";
import {
  type Batch,
  batchKib,
  type CaptureCounters,
  type CaptureOptions,
  type CaptureThreadData,
  CLOSE_CAUSES,
  type FromCaptureThread,
  OP,
  type ToCaptureThread,
} from "./messages.js";

/** Bytes handed over and not yet read, above which the tap that pushes is closed. */
const MAX_UNDER_WAY = 64 << 20;
/** No progress for this long with work under way: the thread hangs. */
const HANG_MS = 10_000;
const KIB = 1024;

export interface CapturePlaneOptions {
  readonly capture: CaptureOptions;
  readonly bundleDocument: string;
  readonly onEvent?: (event: unknown) => void;
  readonly log: (level: "info" | "warn" | "error", message: string) => void;
  /** The thread's entry; tests give another one. */
  readonly threadUrl?: URL;
}

const now = () => performance.timeOrigin + performance.now();

export class CapturePlane implements TapSink {
  private worker: Worker | undefined;
  private readonly writer = new BatchWriter((batch) => this.send(batch));
  /** Connections whose tap is open, so that their loss can be told when the thread dies. */
  private readonly open_ = new Map<number, ConnectionInfo>();
  private readonly lost = new Set<number>();
  private progress = new Int32Array(new SharedArrayBuffer(4));
  private sentKib = 0;
  private watched = { readKib: 0, since: 0 };
  private readonly watch: NodeJS.Timeout;
  private bundleDocument: string;
  private readonly flushes = new Map<number, () => void>();
  private nextFlush = 1;
  private closing = false;
  private restarts = 0;
  private lostTaps = 0;

  private constructor(private readonly options: CapturePlaneOptions) {
    this.bundleDocument = options.bundleDocument;
    this.watch = setInterval(() => this.checkProgress(), HANG_MS / 4).unref();
  }

  /** Starts the thread and waits until it can write. Throws what it reports (OXIMY_E_OUTPUT_DIR, …). */
  static async start(options: CapturePlaneOptions): Promise<CapturePlane> {
    const plane = new CapturePlane(options);
    try {
      await plane.startThread();
      return plane;
    } catch (error) {
      clearInterval(plane.watch);
      throw error;
    }
  }

  open(info: ConnectionInfo): Tap {
    const { id } = info;
    this.open_.set(id, info);
    this.writer.describe(OP.open, id, info.acceptedAt, info);
    let closed = false;
    return {
      push: (direction: Direction, bytes: Uint8Array) => {
        if (closed || this.lost.has(id)) return;
        if (this.underWay() > MAX_UNDER_WAY) return this.lose(id);
        this.writer.push(direction === "request" ? OP.request : OP.response, id, now(), bytes);
      },
      end: (direction: Direction) => {
        if (!closed) this.writer.op(direction === "request" ? OP.endRequest : OP.endResponse, id, now());
      },
      close: (cause: CloseCause) => {
        if (closed) return;
        closed = true;
        this.open_.delete(id);
        if (!this.lost.delete(id)) this.writer.op(OP.close, id, now(), CLOSE_CAUSES.indexOf(cause));
      },
    };
  }

  unread(connection: UnreadConnection): void {
    this.writer.describe(OP.unread, connection.info.id, connection.endedAt, connection);
  }

  /** From now on exchanges are read by this bundle. */
  useBundle(document: string): void {
    this.bundleDocument = document;
    this.post({ type: "bundle", document });
  }

  /** Resolves when all that was tapped so far is written (or the thread is gone). */
  flush(): Promise<void> {
    this.writer.flush();
    return new Promise((resolve) => {
      if (!this.worker) return resolve();
      const id = this.nextFlush++;
      this.flushes.set(id, resolve);
      this.post({ type: "flush", id });
    });
  }

  /** Writes what is left and ends the thread. */
  async close(): Promise<CaptureCounters | undefined> {
    this.closing = true;
    clearInterval(this.watch);
    this.writer.flush();
    const worker = this.worker;
    if (!worker) return undefined;
    const counters = await new Promise<CaptureCounters | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), 5_000);
      worker.on("message", (message: FromCaptureThread) => {
        if (message.type !== "closed") return;
        clearTimeout(timer);
        resolve(message.counters);
      });
      worker.once("exit", () => {
        clearTimeout(timer);
        resolve(undefined);
      });
      this.post({ type: "close" });
    });
    await worker.terminate();
    return counters && { ...counters, lostTaps: counters.lostTaps + this.lostTaps };
  }

  private startThread(): Promise<void> {
    this.progress = new Int32Array(new SharedArrayBuffer(4));
    this.sentKib = 0;
    const data: CaptureThreadData = {
      options: this.options.capture,
      bundleDocument: this.bundleDocument,
      progress: this.progress.buffer as SharedArrayBuffer,
    };
    const worker = new Worker(this.options.threadUrl ?? new URL("./thread.js", import.meta.url), {
      workerData: data,
    });
    this.worker = worker;
    return new Promise((resolve, reject) => {
      worker.on("message", (message: FromCaptureThread) => {
        switch (message.type) {
          case "ready":
            return resolve();
          case "failed":
            return reject(new OximyError(message.code as ErrorCode, message.message, message.advice));
          case "flushed":
            this.flushes.get(message.id)?.();
            this.flushes.delete(message.id);
            return;
          case "event":
            return this.options.onEvent?.(message.event);
          case "log":
            return this.options.log(message.level, message.message);
          case "closed":
            return;
        }
      });
      worker.on("error", (error) => {
        this.options.log("error", `capture: the reading thread failed: ${error.message}`);
        reject(error);
      });
      worker.on("exit", () => {
        if (this.worker === worker) this.onExit();
      });
    });
  }

  /** The thread is gone: what it held is lost and said to be; a new one starts, at longer and longer intervals. */
  private onExit(): void {
    this.worker = undefined;
    for (const done of this.flushes.values()) done();
    this.flushes.clear();
    if (this.closing) return;
    const held = [...this.open_.values()].filter((info) => !this.lost.has(info.id));
    this.lostTaps += held.length;
    for (const info of held) this.lost.add(info.id);
    const delay = Math.min(30_000, 100 * 2 ** this.restarts++);
    setTimeout(() => {
      if (this.closing) return;
      this.startThread().then(
        () => {
          this.options.log(
            "warn",
            `capture: started again; ${held.length} open connections are no longer read`,
          );
          for (const info of held) this.unread({ info, reason: "capture_lost", endedAt: now() });
        },
        () => {}, // logged where it happened; its exit brings the next try
      );
    }, delay).unref();
  }

  private lose(id: number): void {
    const info = this.open_.get(id);
    this.lost.add(id);
    this.lostTaps++;
    this.writer.op(OP.close, id, now(), CLOSE_CAUSES.indexOf("capture_lost"));
    if (info) this.unread({ info, reason: "capture_lost", endedAt: now() });
  }

  private underWay(): number {
    return (this.sentKib - Atomics.load(this.progress, 0)) * KIB;
  }

  private checkProgress(): void {
    const readKib = Atomics.load(this.progress, 0);
    if (!this.worker || readKib !== this.watched.readKib || this.sentKib === readKib) {
      this.watched = { readKib, since: now() };
    } else if (now() - this.watched.since > HANG_MS) {
      this.options.log("error", "capture: the reading thread hangs and is started again");
      void this.worker.terminate();
    }
  }

  private send(batch: Batch): void {
    if (!this.worker) return;
    this.sentKib += batchKib(batch);
    this.worker.postMessage(batch, [batch.ops.buffer as ArrayBuffer, batch.bytes.buffer as ArrayBuffer]);
  }

  private post(message: ToCaptureThread): void {
    this.worker?.postMessage(message);
  }
}
