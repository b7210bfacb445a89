import type { Direction } from "../connection/direction.js";
import { fastestDecipher, type MakeDecipher } from "./aead-decipher.js";
import type { SecretLabel } from "./candidates.js";
import { Delivery, type EndKind } from "./delivery.js";
import { type Budget, DirectionReader } from "./direction-reader.js";
import { ProtocolError, type TlsReadFailure } from "./failure.js";
import { ClientHelloStage, ServerHelloStage } from "./hello-stages.js";
import { CONTENT } from "./record.js";
import { Session } from "./session.js";
import type { StageSink } from "./stage.js";
import { Tls12Stage } from "./tls12-stage.js";
import { Tls13Stage } from "./tls13-stage.js";

export interface EstablishedSession {
  readonly version: "TLSv1.2" | "TLSv1.3";
  /** IANA number. */
  readonly cipherSuite: number;
  /** Negotiated by ALPN; undefined when there was none, or when it could neither be read nor detected from the data. */
  readonly protocol: string | undefined;
  readonly resumed: boolean;
}

export interface TlsSessionEvents {
  /** Once, before any data. */
  onEstablished(session: EstablishedSession): void;
  /**
   * Application data, in wire order; `time` is when the last byte of its record arrived. The bytes are only valid
   * during the call.
   */
  onData(direction: Direction, bytes: Uint8Array, time: number): void;
  /** After the direction's last data. `truncated`: it ended without a close_notify. */
  onEnd(direction: Direction, how: EndKind): void;
  /** Level and description as on the wire (RFC 8446 §6); including close_notify (0). */
  onAlert?(direction: Direction, level: number, description: number): void;
  /** Early data that the server accepted, or may have accepted, cannot be read; `bytes` of ciphertext. */
  onEarlyDataUnread?(bytes: number): void;
  /** At most once; no other call follows. */
  onFailed(reason: TlsReadFailure): void;
}

export interface TlsReaderLimits {
  /** Limit in bytes, for both directions together, of ciphertext kept while waiting for a secret. */
  readonly maxPending: number;
}

export type TlsReaderState = "handshake" | "waiting_for_secret" | "open" | "failed" | "closed";

const CLOSE_NOTIFY = 0;
const HTTP2_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
/** No HTTP/1 method begins with these bytes of the preface (RFC 9113 §3.4). */
const PREFACE_BEGINNING = 3;

/**
 * Passively reads one TLS session from a copy of its bytes, using its secrets. Never throws. Of the bytes and secrets
 * passed in, it only keeps copies, which `close` overwrites.
 */
export class TlsSessionReader {
  private readonly session: Session;
  private readonly budget: Budget;
  private readonly directions: Readonly<Record<Direction, DirectionReader>>;
  private readonly clientHello: ClientHelloStage;
  private readonly delivery: Delivery;
  private order = 0;
  private isEstablished = false;
  private over: "failed" | "closed" | undefined;
  /** Directions whose last byte has passed, with its order. */
  private readonly finished = new Map<Direction, number>();
  /** Directions whose data is complete: their end has been delivered, or waits in `delivery`. */
  private readonly ends = new Map<Direction, number>();
  private endsLeft = 2;
  private hasAllKeys = false;
  /** Application data records sent by the client; in TLS 1.3 its Finished counts as one, too. */
  private clientRecords = 0;

  constructor(
    private readonly events: TlsSessionEvents,
    limits: TlsReaderLimits,
    makeDecipher: MakeDecipher = fastestDecipher,
  ) {
    this.session = new Session(makeDecipher);
    this.budget = { left: limits.maxPending };
    this.clientHello = new ClientHelloStage(this.session, this.sinkOf("request"));
    const serverHello = new ServerHelloStage(this.session, this.sinkOf("response"), (version, rest) =>
      this.begin(version, rest),
    );
    this.directions = {
      request: new DirectionReader(this.clientHello, this.budget),
      response: new DirectionReader(serverHello, this.budget),
    };
    this.delivery = new Delivery(
      { onData: (...data) => this.give(...data), onEnd: (...end) => this.giveEnd(...end) },
      this.budget,
      (direction) => this.barrier(direction),
    );
  }

  get state(): TlsReaderState {
    if (this.over !== undefined) return this.over;
    const { request, response } = this.directions;
    const responseWaits = response.firstWaitingAfter(request.openedAt ?? -1) < Number.POSITIVE_INFINITY;
    if (request.waitsForSecret || (response.waitsForSecret && responseWaits)) return "waiting_for_secret";
    return request.stage.isOpen || response.stage.isOpen ? "open" : "handshake";
  }

  /** From the client hello, once it has passed. */
  get clientRandom(): Uint8Array | undefined {
    return this.session.clientRandom;
  }

  /** Whether the client sent anything after its handshake, decrypted or not. */
  get clientHasSpoken(): boolean {
    const finished = this.session.agreed?.suite.version === "TLSv1.2" ? 0 : 1;
    return this.clientRecords > finished;
  }

  push(direction: Direction, bytes: Uint8Array, time: number): void {
    if (this.over !== undefined || this.finished.has(direction) || this.ends.has(direction)) return;
    this.attempt(() => {
      const reader = this.directions[direction];
      reader.splitter.feed(asBuffer(bytes));
      for (;;) {
        const record = reader.splitter.next();
        if (record === undefined) return;
        const { changes } = this.session;
        if (direction === "request" && record[0] === CONTENT.applicationData) this.clientRecords++;
        reader.push(record, time, this.order++);
        if (this.over !== undefined) return;
        if (this.session.changes !== changes) this.advance();
        else this.delivery.flush();
        if (this.ends.has(direction)) return reader.splitter.clear();
      }
    });
  }

  /** The direction ended (FIN). */
  end(direction: Direction): void {
    if (this.over !== undefined || this.finished.has(direction)) return;
    this.attempt(() => {
      this.finished.set(direction, this.order++);
      this.endTruncated();
    });
  }

  /**
   * Adds a secret that belongs, or may belong, to this session; without a label it may be any TLS 1.3 secret or a
   * master secret. It is accepted if it decrypts a record. It is copied: the caller overwrites its own. Early data can
   * only be read when its secret arrives before that of the client's handshake, and TLS 1.3's ALPN only when the
   * server's handshake secret arrives before its application secret; TLS stacks produce them in that order.
   */
  addSecret(label: SecretLabel | undefined, secret: Uint8Array): void {
    if (this.over !== undefined || this.hasAllKeys) return;
    this.attempt(() => {
      if (this.session.candidates.add(label, secret)) this.advance();
    });
  }

  /** No more secrets will arrive: what waits for one cannot be read. */
  giveUp(): void {
    if (this.over !== undefined) return;
    if (this.state === "open") return;
    this.fail("secret_missing");
  }

  /** Overwrites secrets and keys. No event follows. */
  close(): void {
    this.over ??= "closed";
    this.wipe();
  }

  private begin(version: "TLSv1.2" | "TLSv1.3", rest: Buffer): void {
    const { request, response } = this.stagesOf(version);
    if (response instanceof Tls12Stage) response.readRest(rest);
    // In TLS 1.3 all messages after the server hello are encrypted.
    else if (rest.length > 0) throw new ProtocolError("malformed_handshake");
    this.clientHello.continueWith(request);
    this.directions.response.stage = response;
  }

  private stagesOf(version: "TLSv1.2" | "TLSv1.3"): Readonly<Record<Direction, Tls12Stage | Tls13Stage>> {
    const VersionStage = version === "TLSv1.3" ? Tls13Stage : Tls12Stage;
    return {
      request: new VersionStage("request", this.session, this.sinkOf("request")),
      response: new VersionStage("response", this.session, this.sinkOf("response")),
    };
  }

  private sinkOf(direction: Direction): StageSink {
    return {
      onData: (bytes) => {
        const { time, order } = this.directions[direction].at;
        if (bytes.length > 0 && !this.ends.has(direction)) this.delivery.data(direction, bytes, time, order);
      },
      onAlert: (level, description) => {
        if (this.ends.has(direction)) return;
        this.events.onAlert?.(direction, level, description);
        if (description !== CLOSE_NOTIFY) return;
        const { order } = this.directions[direction].at;
        this.ends.set(direction, order);
        this.delivery.end(direction, "close_notify", order);
      },
      onEarlyDataUnread: (bytes) => this.events.onEarlyDataUnread?.(bytes),
    };
  }

  /** The order from which a direction's data waits for the other's. */
  private barrier(direction: Direction): number {
    const { request, response } = this.directions;
    if (direction === "response") return request.firstWaitingAfter(-1);
    // Records the server sent before the client's data are its handshake, which may never be decrypted.
    return response.firstWaitingAfter(request.openedAt ?? request.at.order);
  }

  /** Reads as many waiting records as the secrets known by now allow. */
  private advance(): void {
    const { request, response } = this.directions;
    for (let changes = -1; changes !== this.session.changes; ) {
      changes = this.session.changes;
      request.advance();
      response.advance();
    }
    if (this.session.isEstablished) this.establish(this.session.protocol);
    this.delivery.flush();
    this.endTruncated();
    if (request.stage.isOpen && response.stage.isOpen) {
      this.hasAllKeys = true;
      this.session.candidates.wipe();
    }
  }

  private endTruncated(): void {
    for (const [direction, order] of this.finished) {
      if (this.ends.has(direction) || !this.directions[direction].isEmpty) continue;
      this.ends.set(direction, order);
      this.delivery.end(direction, "truncated", order);
    }
  }

  private establish(protocol: string | undefined): void {
    const { agreed, resumed } = this.session;
    if (this.isEstablished || agreed === undefined || this.over !== undefined) return;
    this.isEstablished = true;
    const { suite, cipherSuite } = agreed;
    this.events.onEstablished({ version: suite.version, cipherSuite, protocol, resumed });
  }

  private give(direction: Direction, bytes: Buffer, time: number): void {
    if (this.over !== undefined) return;
    if (!this.isEstablished) {
      const { protocol, isProtocolKnown } = this.session;
      this.establish(isProtocolKnown ? protocol : protocolOf(direction, bytes));
    }
    this.events.onData(direction, bytes, time);
  }

  private giveEnd(direction: Direction, how: EndKind): void {
    if (this.over !== undefined) return;
    this.events.onEnd(direction, how);
    if (--this.endsLeft === 0) this.close();
  }

  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error instanceof ProtocolError ? error.reason : "reader_failed");
    }
  }

  private fail(reason: TlsReadFailure): void {
    if (this.over !== undefined) return;
    this.over = "failed";
    this.wipe();
    this.events.onFailed(reason);
  }

  private wipe(): void {
    this.directions.request.clear();
    this.directions.response.clear();
    this.session.wipe();
    this.delivery.clear();
  }
}

/**
 * Detects the protocol from the first data when ALPN could not be read: both sides of HTTP/2 send a preface (RFC 9113
 * §3.4).
 */
function protocolOf(direction: Direction, bytes: Buffer): string | undefined {
  if (direction === "request") {
    const compared = Math.min(bytes.length, HTTP2_PREFACE.length);
    if (compared < PREFACE_BEGINNING) return undefined;
    return bytes.subarray(0, compared).equals(HTTP2_PREFACE.subarray(0, compared)) ? "h2" : undefined;
  }
  // A SETTINGS frame: its length in multiples of six, its type 4, no flag, no stream.
  if (bytes.length < 9) return undefined;
  const isSettings = bytes.readUIntBE(0, 3) % 6 === 0 && bytes.readUInt16BE(3) === 0x0400;
  return isSettings && bytes.readUInt32BE(5) === 0 ? "h2" : undefined;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
