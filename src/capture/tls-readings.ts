/** Passive decryption: turns ciphertext and TLS secrets into the plaintext that the pipeline reads. */

import type { CloseCause, Connection } from "../connection/connection.js";
import type { Direction } from "../connection/direction.js";
import type { Reason } from "../connection/reasons.js";
import { type SecretFrame, SecretFrameReader } from "../secrets/secret-frame.js";
import type { TlsReadFailure } from "../tls/failure.js";
import { TlsSessionReader } from "../tls/session-reader.js";
import type { Pipeline } from "./pipeline.js";
import type { ReadOutcome } from "./protocol.js";

export interface TlsReadingsOptions {
  readonly pipeline: Pick<Pipeline, "open" | "push" | "end" | "close" | "unread">;
  /** Called once per connection, never for an aborted handshake. */
  readonly onOutcome: (id: number, outcome: ReadOutcome) => void;
  /** Most bytes of ciphertext kept per connection until its secret arrives. */
  readonly maxPending?: number;
}

/** Secrets arrive within milliseconds of the handshake; a connection that still waits after this time is given up. */
const SECRET_MS = 1_000;
/**
 * The wait is split into this many steps: a thread that got no CPU for a second has its timers called before the
 * messages that arrived meanwhile.
 */
const SECRET_STEPS = 4;
const MAX_PENDING = 1 << 20;
/** Most bytes of ciphertext, over all closed connections whose secret has not arrived yet. */
const MAX_OUTLASTING = 16 << 20;
/** Secrets may arrive before the tap's first batch. */
const MAX_EARLY_FRAMES = 2_048;

const REASONS: Record<TlsReadFailure, Reason> = {
  malformed_record: "tls_malformed",
  malformed_handshake: "tls_malformed",
  unsupported_version: "tls_unsupported",
  unsupported_cipher_suite: "tls_unsupported",
  renegotiation: "tls_unsupported",
  record_does_not_open: "tls_record_unreadable",
  secret_missing: "tls_secret_missing",
  too_much_ciphertext: "tls_secret_missing",
  reader_failed: "reader_failed",
};

const now = () => performance.timeOrigin + performance.now();

interface Reading {
  readonly connection: Connection;
  readonly reader: TlsSessionReader;
  /** Of ciphertext. */
  readonly bytes: Record<Direction, number>;
  /** Whether the pipeline has a reader for what is inside. */
  isOpen: boolean;
  hasData: boolean;
  failure: Reason | undefined;
  giveUp: NodeJS.Timeout | undefined;
  /** The connection is closed, but its secret may still arrive: a short connection can end first. */
  closed: { readonly cause: CloseCause; readonly time: number } | undefined;
}

const ciphertextOf = ({ bytes }: Reading) => bytes.request + bytes.response;

export class TlsReadings {
  private readonly readings = new Map<number, Reading>();
  private readonly frames = new SecretFrameReader();
  /** Secrets of connections not opened yet, with their time of arrival. */
  private early: { readonly frame: SecretFrame; readonly at: number }[] = [];
  private sweep: NodeJS.Timeout | undefined;
  private outlasting = 0;

  constructor(private readonly options: TlsReadingsOptions) {}

  open(connection: Connection): void {
    const { id } = connection;
    const reading: Reading = {
      connection,
      reader: new TlsSessionReader(this.eventsOf(id), { maxPending: this.options.maxPending ?? MAX_PENDING }),
      bytes: { request: 0, response: 0 },
      isOpen: false,
      hasData: false,
      failure: undefined,
      giveUp: undefined,
      closed: undefined,
    };
    this.readings.set(id, reading);
    const waiting = this.early.filter(({ frame }) => frame.watchId === id);
    if (waiting.length === 0) return;
    this.early = this.early.filter(({ frame }) => frame.watchId !== id);
    for (const { frame } of waiting) this.give(reading, frame);
  }

  has(id: number): boolean {
    return this.readings.has(id);
  }

  push(id: number, direction: Direction, bytes: Uint8Array, time: number): void {
    const reading = this.readings.get(id);
    if (!reading) return;
    reading.bytes[direction] += bytes.length;
    if (reading.failure) return;
    reading.reader.push(direction, bytes, time);
    this.watch(reading);
  }

  end(id: number, direction: Direction, _time: number): void {
    this.readings.get(id)?.reader.end(direction);
  }

  close(id: number, cause: CloseCause | "capture_lost", time: number): void {
    const reading = this.readings.get(id);
    if (!reading || reading.closed) return;
    const size = ciphertextOf(reading);
    const waits = reading.giveUp !== undefined && reading.failure === undefined;
    if (waits && cause !== "capture_lost" && this.outlasting + size <= MAX_OUTLASTING) {
      this.outlasting += size;
      reading.closed = { cause, time };
    } else this.finish(reading, cause, time);
  }

  /** Finishes the closed connections that still wait for a secret. */
  finishAll(): void {
    for (const reading of [...this.readings.values()]) this.finishClosed(reading);
  }

  private finishClosed(reading: Reading): void {
    if (!reading.closed) return;
    this.outlasting -= ciphertextOf(reading);
    this.finish(reading, reading.closed.cause, reading.closed.time);
  }

  private finish(reading: Reading, cause: CloseCause | "capture_lost", time: number): void {
    const { id } = reading.connection;
    this.readings.delete(id);
    clearTimeout(reading.giveUp);
    const { reader, connection, bytes, isOpen, hasData } = reading;
    const reason = reading.failure ?? (hasData ? undefined : endOf(reader));
    if (reason === "tls_secret_missing" && !reading.failure) this.options.onOutcome(id, "missing");
    reader.close();
    if (isOpen) this.options.pipeline.close(id, cause, time);
    // A loss is reported by the side that caused it.
    if (reason === undefined || cause === "capture_lost") return;
    this.options.pipeline.unread({
      connection,
      reason,
      endedAt: time,
      bytesUp: bytes.request,
      bytesDown: bytes.response,
    });
  }

  /** Frames of secrets, as received from the probes. The bytes are overwritten. */
  secrets(bytes: Buffer): void {
    this.frames.push(bytes, (frame) => {
      const reading = this.readings.get(frame.watchId);
      if (reading) this.give(reading, frame);
      else this.keep(frame);
    });
  }

  /** Overwrites all secrets. */
  destroy(): void {
    clearTimeout(this.sweep);
    for (const { reader, giveUp } of this.readings.values()) {
      clearTimeout(giveUp);
      reader.close();
    }
    this.readings.clear();
    for (const { frame } of this.early) frame.secret.fill(0);
    this.early = [];
  }

  private give(reading: Reading, { label, secret }: SecretFrame): void {
    reading.reader.addSecret(label === "unknown" ? undefined : label, secret);
    secret.fill(0);
    this.watch(reading);
  }

  private keep(frame: SecretFrame): void {
    this.early.push({ frame, at: now() });
    if (this.early.length > MAX_EARLY_FRAMES) this.early.shift()!.frame.secret.fill(0);
    this.sweep ??= setTimeout(() => this.forgetOld(), SECRET_MS).unref();
  }

  private forgetOld(): void {
    const oldest = now() - SECRET_MS;
    for (const { frame, at } of this.early) if (at < oldest) frame.secret.fill(0);
    this.early = this.early.filter(({ at }) => at >= oldest);
    this.sweep = this.early.length > 0 ? setTimeout(() => this.forgetOld(), SECRET_MS).unref() : undefined;
  }

  /** Application data waits at most a second for its secret. */
  private watch(reading: Reading): void {
    // A client that aborted its handshake never derived secrets.
    if (reading.reader.state !== "waiting_for_secret" || !reading.reader.clientHasSpoken) {
      clearTimeout(reading.giveUp);
      reading.giveUp = undefined;
      this.finishClosed(reading);
    } else {
      reading.giveUp ??= this.giveUpAfter(reading, SECRET_STEPS);
    }
  }

  private giveUpAfter(reading: Reading, steps: number): NodeJS.Timeout {
    const step = () => {
      if (steps > 1) {
        reading.giveUp = this.giveUpAfter(reading, steps - 1);
        return;
      }
      reading.reader.giveUp();
      this.finishClosed(reading);
    };
    return setTimeout(step, SECRET_MS / SECRET_STEPS).unref();
  }

  private eventsOf(id: number): ConstructorParameters<typeof TlsSessionReader>[0] {
    const { pipeline, onOutcome } = this.options;
    return {
      onEstablished: ({ protocol }) => {
        const reading = this.readings.get(id);
        if (!reading) return;
        reading.isOpen = true;
        pipeline.open(protocol === undefined ? reading.connection : { ...reading.connection, protocol });
      },
      onData: (direction, bytes, time) => {
        const reading = this.readings.get(id);
        if (reading && !reading.hasData) {
          reading.hasData = true;
          onOutcome(id, "opened");
        }
        pipeline.push(id, direction, bytes, time);
      },
      onEnd: (direction) => {
        if (this.readings.get(id)?.isOpen) pipeline.end(id, direction, now());
      },
      onFailed: (failure) => {
        const reading = this.readings.get(id);
        if (!reading) return;
        reading.failure = REASONS[failure];
        // The open exchanges will not be read to their end.
        if (reading.isOpen) pipeline.close(id, "capture_lost", now());
        reading.isOpen = false;
        onOutcome(id, failure === "secret_missing" ? "missing" : "failed");
      },
    };
  }
}

/** Why no application data of a closed connection was read. */
function endOf({ state, clientHasSpoken }: TlsSessionReader): Reason {
  switch (state) {
    case "handshake":
      return "client_handshake_failed";
    case "waiting_for_secret":
      return clientHasSpoken ? "tls_secret_missing" : "no_request";
    default:
      return "no_request";
  }
}
