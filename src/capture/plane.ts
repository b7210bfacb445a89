/**
 * The capture plane, as seen from the data plane's thread: starts the capture thread, hands it the taps' copies, bounds
 * the bytes in flight, and restarts it when it dies or hangs. Traffic is never affected.
 */

import { extname } from "node:path";
import type { Worker } from "node:worker_threads";
import type { CloseCause, Connection, UnreadConnection } from "../connection/connection.js";
import type { Direction } from "../connection/direction.js";
import { counted } from "../counted.js";
import type { TapBatch } from "../proxy/accept/front.js";
import type { CopiedTap, CopyFront, CopySink, CopySource, Tap, TapSink } from "../proxy/tap.js";
import { BatchWriter } from "./batch-writer.js";
import { ConnectionQuota, InFlight } from "./in-flight.js";
import {
  type Batch,
  batchKib,
  type CaptureCounters,
  type CaptureOptions,
  CLOSE_CAUSES,
  type FromCaptureThread,
  OP,
  type ReadOutcome,
  type ToCaptureThread,
} from "./protocol.js";
import { startThread } from "./start-thread.js";

/** Compiled or from source, like this module. */
const THREAD_URL = new URL(`./thread${extname(import.meta.url)}`, import.meta.url);
/** KiB handed over and not yet read, above which the tap that pushes is closed. */
const MAX_UNDER_WAY = 64 << 10;
/** Most bytes of one connection among them: a fast connection loses its own tap, not those of others. */
const MAX_SHARE = 32 << 20;
/** A thread with work and no progress for this long hangs. */
const HANG_MS = 10_000;
/** Checks within that time. Checks are counted, not time: a machine that was suspended has not hung. */
const HANG_LOOKS = 4;
const CLOSE_MS = 5_000;
/** A thread that has run for this long is restarted with short intervals again, should it die. */
const STABLE_MS = 60_000;
/** Most connections kept for reporting when the thread is back; the rest are only counted. */
const MAX_UNREPORTED = 10_000;

export interface CapturePlaneOptions {
  readonly capture: CaptureOptions;
  readonly bundleDocument: string;
  readonly onEvent?: (event: unknown) => void;
  /** Called with the result of decrypting a connection. */
  readonly onReadOutcome?: (id: number, outcome: ReadOutcome) => void;
  readonly log: (level: "info" | "warn" | "error", message: string) => void;
  /** The thread's entry point; tests use another one. */
  readonly threadUrl?: URL;
  /** Time without progress after which the thread is restarted; 10 s when absent. */
  readonly hangMs?: number;
}

interface OpenTap {
  readonly connection: Connection;
  isLost: boolean;
  /** Ends the native front's copying, where it copies. */
  readonly stop?: () => void;
}

/** The report of a connection that is over, kept until the thread has read it. */
interface Unconfirmed {
  readonly connection: UnreadConnection;
  readonly mark: number;
}

const now = () => performance.timeOrigin + performance.now();

const lossOf = (connection: Connection): UnreadConnection => ({
  connection,
  reason: "capture_lost",
  endedAt: now(),
});

export class CapturePlane implements TapSink, CopySink {
  private worker: Worker | undefined;
  private readonly writer = new BatchWriter((batch) => this.send(batch));
  private readonly taps = new Map<number, OpenTap>();
  /** Those taps that the front copies, by the front's own ids. */
  private readonly copied = new Map<number, OpenTap>();
  private front: CopyFront | undefined;
  /** Shares of the front's batches that the thread has not finished yet, in order. */
  private unacknowledged: Float64Array[] = [];
  private unconfirmed: Unconfirmed[] = [];
  /** Reported as soon as there is a thread again. */
  private unreported: UnreadConnection[] = [];
  private inFlight = new InFlight();
  private watched = { read: 0, looks: 0 };
  private readonly watch: NodeJS.Timeout;
  private bundleDocument: string;
  private readonly flushes = new Map<number, () => void>();
  private nextFlush = 1;
  private closing = false;
  private startedAt = 0;
  private restarts = 0;
  private restartTimer: NodeJS.Timeout | undefined;
  private lostTaps = 0;

  private constructor(private readonly options: CapturePlaneOptions) {
    this.bundleDocument = options.bundleDocument;
    this.watch = setInterval(() => this.check(), (options.hangMs ?? HANG_MS) / HANG_LOOKS).unref();
  }

  /** Starts the thread and waits until it can write. Throws what it reports (OXIMY_E_OUTPUT_DIR, …). */
  static async start(options: CapturePlaneOptions): Promise<CapturePlane> {
    const plane = new CapturePlane(options);
    plane.closing = true; // a thread that ends now is not restarted
    try {
      await plane.startThread();
      plane.closing = false;
      return plane;
    } catch (error) {
      clearInterval(plane.watch);
      throw error;
    }
  }

  open(connection: Connection): Tap {
    const { id } = connection;
    const tap: OpenTap = { connection, isLost: false };
    this.taps.set(id, tap);
    if (this.worker) this.writer.describe(OP.open, id, connection.acceptedAt, connection);
    else this.lose(tap);
    const quota = new ConnectionQuota(this.inFlight);
    let isClosed = false;
    return {
      push: (direction: Direction, bytes: Uint8Array) => {
        if (isClosed || tap.isLost) return;
        if (this.inFlight.kib() > MAX_UNDER_WAY || quota.add(bytes.length) > MAX_SHARE) {
          this.writer.op(OP.close, id, now(), CLOSE_CAUSES.indexOf("capture_lost"));
          return this.lose(tap);
        }
        this.writer.push(direction === "request" ? OP.request : OP.response, id, now(), bytes);
      },
      end: (direction: Direction) => {
        if (isClosed || tap.isLost) return;
        this.writer.op(direction === "request" ? OP.endRequest : OP.endResponse, id, now());
      },
      close: (cause: CloseCause) => {
        if (isClosed) return;
        isClosed = true;
        this.taps.delete(id);
        if (tap.isLost) return;
        this.writer.op(OP.close, id, now(), CLOSE_CAUSES.indexOf(cause));
        this.confirmLater(lossOf(connection));
      },
    };
  }

  openCopied(connection: Connection, source: CopySource): CopiedTap {
    const { id } = connection;
    const tap: OpenTap = { connection, isLost: false, stop: () => source.stop() };
    this.taps.set(id, tap);
    this.copied.set(source.id, tap);
    if (this.worker) this.writer.describe(OP.open, id, connection.acceptedAt, connection);
    else this.lose(tap);
    const forget = () => {
      this.taps.delete(id);
      this.copied.delete(source.id);
    };
    return {
      abandon: () => {
        if (tap.isLost) return;
        tap.isLost = true;
        this.writer.op(OP.close, id, now(), CLOSE_CAUSES.indexOf("capture_lost"));
        source.stop();
      },
      close: () => {
        forget();
        if (!tap.isLost) this.confirmLater(lossOf(connection));
      },
    };
  }

  attach(front: CopyFront): void {
    this.front = front;
  }

  /** A batch of the native front, forwarded unchanged. */
  take({ ops, bytes, shares }: TapBatch): void {
    // The operations that open its connections must arrive first.
    this.writer.flush();
    if (this.worker && this.inFlight.kib() <= MAX_UNDER_WAY) {
      this.unacknowledged.push(shares);
      this.send({ type: "batch", ops: ops as Batch["ops"], bytes, infos: [], isFronts: true });
      return;
    }
    for (let at = 0; at < shares.length; at += 2) {
      const tap = this.copied.get(shares[at]!);
      if (!tap || tap.isLost) continue;
      this.writer.op(OP.close, tap.connection.id, now(), CLOSE_CAUSES.indexOf("capture_lost"));
      this.lose(tap);
    }
    this.acknowledge(shares);
    this.front?.giveBuffer(bytes.buffer);
  }

  lost(id: number): void {
    const tap = this.copied.get(id);
    if (tap && !tap.isLost) this.lose(tap);
  }

  unread(unread: UnreadConnection): void {
    if (this.worker) {
      this.writer.describe(OP.unread, unread.connection.id, unread.endedAt, unread);
      this.confirmLater(unread);
    } else this.reportLater([unread]);
  }

  /** Exchanges that end from now on are read with this bundle. */
  useBundle(document: string): void {
    this.bundleDocument = document;
    this.post({ type: "bundle", document });
  }

  /** Frames of TLS secrets. The buffer is transferred: no copy stays here. */
  secrets(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.worker)
      this.worker.postMessage({ type: "secrets", bytes } satisfies ToCaptureThread, [bytes.buffer]);
    else bytes.fill(0);
  }

  /** Resolves when everything tapped so far is written (or the thread is gone). */
  flush(): Promise<void> {
    this.writer.flush();
    return new Promise((resolve) => {
      if (!this.worker) return resolve();
      const id = this.nextFlush++;
      this.flushes.set(id, resolve);
      this.post({ type: "flush", id });
    });
  }

  /** Writes the remaining events and ends the thread. Undefined when the thread did not report its counters. */
  async close(): Promise<CaptureCounters | undefined> {
    this.closing = true;
    clearInterval(this.watch);
    this.writer.flush();
    const worker = this.worker;
    if (!worker) return undefined;
    const counters = await new Promise<CaptureCounters | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), CLOSE_MS);
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
    // A thread that hangs in a system call never ends; ending the process has a time limit of its own.
    await Promise.race([worker.terminate(), new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
    return counters && { ...counters, lostTaps: counters.lostTaps + this.lostTaps };
  }

  private async startThread(): Promise<void> {
    this.inFlight = new InFlight();
    this.watched = { read: 0, looks: 0 };
    const { worker, ready } = startThread(this.options.threadUrl ?? THREAD_URL, {
      options: this.options.capture,
      bundleDocument: this.bundleDocument,
      progress: this.inFlight.shared,
    });
    this.worker = worker;
    this.startedAt = now();
    worker.on("message", (message: FromCaptureThread) => this.onMessage(message));
    worker.on("error", (error) => {
      this.options.log("error", `capture: the reading thread failed: ${error.message}`);
    });
    worker.on("exit", () => this.onExit());
    try {
      await ready;
    } catch (error) {
      await worker.terminate();
      throw error;
    }
  }

  private onMessage(message: FromCaptureThread): void {
    if (message.type === "events") for (const event of message.events) this.options.onEvent?.(event);
    if (message.type === "spent") this.onSpent(message.buffer, message.isFronts);
    if (message.type === "read_outcome") this.options.onReadOutcome?.(message.id, message.outcome);
    if (message.type === "log") this.options.log(message.level, message.message);
    if (message.type === "flushed") {
      this.flushes.get(message.id)?.();
      this.flushes.delete(message.id);
    }
  }

  private onSpent(buffer: ArrayBuffer, isFronts: boolean): void {
    if (!isFronts) {
      this.writer.reuse(buffer);
      return;
    }
    const shares = this.unacknowledged.shift();
    if (shares) this.acknowledge(shares);
    this.front?.giveBuffer(buffer);
  }

  private acknowledge(shares: Float64Array): void {
    for (let at = 0; at < shares.length; at += 2) this.front?.consumed(shares[at]!, shares[at + 1]!);
  }

  /** The thread is gone: its work is lost and reported as lost, and a new one is started, with backoff. */
  private onExit(): void {
    this.worker = undefined;
    for (const done of this.flushes.values()) done();
    this.flushes.clear();
    if (this.closing) return;
    this.reportLater(
      this.unconfirmed.filter(({ mark }) => !this.inFlight.isRead(mark)).map((it) => it.connection),
    );
    this.unconfirmed = [];
    for (const shares of this.unacknowledged.splice(0)) this.acknowledge(shares);
    for (const tap of this.taps.values()) if (!tap.isLost) this.lose(tap);
    if (now() - this.startedAt > STABLE_MS) this.restarts = 0;
    this.restartLater();
  }

  private restartLater(): void {
    this.restartTimer ??= setTimeout(
      () => void this.restart(),
      Math.min(30_000, 100 * 2 ** this.restarts++),
    ).unref();
  }

  private async restart(): Promise<void> {
    this.restartTimer = undefined;
    if (this.closing) return;
    try {
      await this.startThread();
    } catch (error) {
      this.options.log("error", `capture: the reading thread cannot start: ${(error as Error).message}`);
      if (!this.closing) this.restartLater();
      return;
    }
    this.options.log(
      "warn",
      `capture: the reading thread was restarted; ${counted(this.unreported.length, "connection")} could not be read to the end`,
    );
    const unreported = this.unreported;
    this.unreported = [];
    for (const connection of unreported) this.unread(connection);
  }

  /** Closes the tap for good: the rest of this connection is not read. */
  private lose(tap: OpenTap): void {
    tap.isLost = true;
    tap.stop?.();
    this.lostTaps++;
    this.unread(lossOf(tap.connection));
  }

  private confirmLater(connection: UnreadConnection): void {
    const first = this.unconfirmed.findIndex(({ mark }) => !this.inFlight.isRead(mark));
    this.unconfirmed.splice(0, first < 0 ? this.unconfirmed.length : first);
    if (this.unconfirmed.length < MAX_UNREPORTED) {
      this.unconfirmed.push({ connection, mark: this.inFlight.mark() });
    }
  }

  private reportLater(connections: readonly UnreadConnection[]): void {
    this.unreported.push(...connections.slice(0, MAX_UNREPORTED - this.unreported.length));
  }

  private check(): void {
    const read = this.inFlight.readSoFar();
    if (!this.worker || read !== this.watched.read || this.inFlight.kib() === 0) {
      this.watched = { read, looks: 0 };
    } else if (++this.watched.looks >= HANG_LOOKS) {
      this.options.log("error", "capture: the reading thread hangs and is restarted");
      void this.worker.terminate();
    }
  }

  private send(batch: Batch): void {
    if (!this.worker) return;
    this.inFlight.add(batchKib(batch));
    this.worker.postMessage(batch, [batch.ops.buffer as ArrayBuffer, batch.bytes.buffer as ArrayBuffer]);
  }

  private post(message: ToCaptureThread): void {
    this.worker?.postMessage(message);
  }
}
