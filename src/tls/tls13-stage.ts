import type { Direction } from "../connection/direction.js";
import { openerForTrafficSecret } from "./aead-opener.js";
import { type Candidate, type Phase, ROLE } from "./candidates.js";
import type { CipherSuite } from "./cipher-suites.js";
import { ProtocolError } from "./failure.js";
import { HandshakeJoiner, MESSAGE, readEncryptedExtensions } from "./handshake-messages.js";
import { readPlainAlert } from "./hello-stages.js";
import { HASH_LENGTH, nextTrafficSecret } from "./key-schedule.js";
import { CONTENT, type RecordOpener } from "./record.js";
import type { Session } from "./session.js";
import type { KeptRecord, Stage, StageSink, Step } from "./stage.js";

/**
 * Records of the handshake, and of early data, that may be skipped in search of one that a secret decrypts. More would
 * make wrong secrets expensive.
 */
const MAX_AHEAD = 64;

/** The key in use. */
interface Key {
  readonly opener: RecordOpener;
  readonly secret: Buffer;
  /** Undefined until the content reveals it. */
  phase: Phase | undefined;
}

/** Message types that reveal the phase of the key protecting them. */
const PHASE_OF_MESSAGE: ReadonlyMap<number, Phase> = new Map<number, Phase>([
  [MESSAGE.endOfEarlyData, "early"],
  [MESSAGE.encryptedExtensions, "handshake"],
  [MESSAGE.certificateRequest, "handshake"],
  [MESSAGE.certificate, "handshake"],
  [MESSAGE.compressedCertificate, "handshake"],
  [MESSAGE.certificateVerify, "handshake"],
  [MESSAGE.finished, "handshake"],
  [MESSAGE.newSessionTicket, "application"],
  [MESSAGE.keyUpdate, "application"],
]);

/** One direction of TLS 1.3 after the hellos (RFC 8446 §5.2, §4.4 to 4.6). */
export class Tls13Stage implements Stage {
  private readonly suite: CipherSuite;
  private joiner = newJoiner();
  private key: Key | undefined;
  /** The current phase; it never goes back. */
  private reached: Phase = "early";
  /** Protected records so far, read or skipped. */
  private records = 0;
  /** What `search` decrypted, so that `read` does not repeat it. */
  private found: { readonly record: Buffer; readonly content: Buffer } | undefined;

  constructor(
    private readonly direction: Direction,
    private readonly session: Session,
    private readonly sink: StageSink,
  ) {
    this.suite = session.agreed!.suite;
  }

  get isOpen(): boolean {
    return this.key?.phase === "application";
  }

  read(record: Buffer): Step {
    if (record[0] !== CONTENT.applicationData) return this.readPlain(record);
    if (this.direction === "request" && this.session.earlyData === "undecided") return "waits_for_peer";
    const content = this.found?.record === record ? this.found.content : this.key?.opener.open(record);
    this.found = undefined;
    if (content === undefined) {
      // An unlabelled candidate may have been the key of the previous phase.
      if (this.key?.phase === "application" || this.key?.phase === "handshake") {
        throw new ProtocolError("record_does_not_open");
      }
      this.dropKey();
      return "waits_for_secret";
    }
    this.readContent(this.key!, content);
    this.records++;
    return "read";
  }

  search(kept: readonly KeptRecord[], start: number): number | undefined {
    const { candidates } = this.session;
    const end = Math.min(kept.length, start + MAX_AHEAD);
    for (let at = start; at < end; at++) {
      const entry = kept[at]!;
      if (entry.record[0] !== CONTENT.applicationData) continue;
      for (const candidate of candidates.list) {
        if (candidate.id < entry.triedBelow || !this.isUsable(candidate)) continue;
        candidate.openers ??= this.openersOf(candidate);
        const content = candidate.openers[this.direction].open(entry.record);
        if (content === undefined) continue;
        this.take(candidate, candidate.openers[this.direction]);
        this.found = { record: entry.record, content };
        this.passOver(kept, start, at);
        return at;
      }
      entry.triedBelow = candidates.nextId;
    }
    return undefined;
  }

  wipe(): void {
    this.dropKey();
    this.found?.content.fill(0);
    this.found = undefined;
  }

  private readPlain(record: Buffer): Step {
    switch (record[0]) {
      case CONTENT.changeCipherSpec:
        // Middlebox compatibility (RFC 8446 §D.4).
        return "read";
      case CONTENT.alert:
        // From a client that could not derive keys from the server hello.
        if (this.key !== undefined) throw new ProtocolError("malformed_record");
        readPlainAlert(record, this.sink);
        return "read";
      default:
        throw new ProtocolError("malformed_record");
    }
  }

  private isUsable({ label, secret }: Candidate): boolean {
    if (secret.length !== HASH_LENGTH[this.suite.hash]) return false;
    if (label === undefined) return true;
    const role = ROLE[label];
    if (role?.direction !== this.direction) return false;
    switch (role.phase) {
      case "early":
        return this.reached === "early" && this.session.earlyData === "accepted";
      case "handshake":
        return this.reached !== "application";
      case "application":
        return true;
    }
  }

  private openersOf({ secret }: Candidate): Record<Direction, RecordOpener> {
    const opener = openerForTrafficSecret(this.suite, secret, this.session.makeDecipher);
    return { request: opener, response: opener };
  }

  private take(candidate: Candidate, opener: RecordOpener): void {
    this.session.candidates.remove(candidate);
    this.session.changes++;
    const phase = candidate.label && ROLE[candidate.label]?.phase;
    this.key = { opener, secret: candidate.secret, phase: undefined };
    this.joiner = newJoiner();
    if (phase !== undefined) this.settle(this.key, phase);
  }

  /** Skips records that no secret decrypts, before one that can be decrypted. */
  private passOver(kept: readonly KeptRecord[], start: number, end: number): void {
    let bytes = 0;
    for (let at = start; at < end; at++) {
      if (kept[at]!.record[0] !== CONTENT.applicationData) continue;
      this.records++;
      bytes += kept[at]!.record.length;
    }
    const { earlyData } = this.session;
    const mayBeEarly = this.direction === "request" && (earlyData === "accepted" || earlyData === "unknown");
    if (mayBeEarly && bytes > 0) this.sink.onEarlyDataUnread(bytes);
  }

  private settle(key: Key, phase: Phase): void {
    key.phase = phase;
    this.reached = phase;
    if (phase !== "application") return;
    // The server's extensions were skipped, or have been read.
    if (this.direction === "response") this.session.answerEarlyData("unknown");
  }

  private readContent(key: Key, content: Buffer): void {
    switch (key.opener.contentType) {
      case CONTENT.applicationData:
        this.readData(key, content);
        return;
      case CONTENT.handshake:
        this.readHandshake(key, content);
        return;
      case CONTENT.alert:
        if (content.length !== 2) throw new ProtocolError("malformed_record");
        this.sink.onAlert(content[0]!, content[1]!);
        return;
      default:
        throw new ProtocolError("malformed_record");
    }
  }

  private readData(key: Key, content: Buffer): void {
    if (key.phase === undefined) {
      // A client's first record belongs to its handshake, unless it is early data.
      const isEarly = this.direction === "request" && this.records === 0;
      if (isEarly && this.session.earlyData === "none") throw new ProtocolError("malformed_record");
      this.settle(key, isEarly ? "early" : "application");
    }
    if (key.phase === "handshake") throw new ProtocolError("malformed_record");
    if (key.phase === "application" || this.session.earlyData === "accepted") this.sink.onData(content);
    else if (this.session.earlyData === "unknown") this.sink.onEarlyDataUnread(content.length);
    // Otherwise the server rejected it, and the client sends it again.
  }

  private readHandshake(key: Key, content: Buffer): void {
    this.joiner.feed(content);
    for (let message = this.joiner.next(); message !== undefined; message = this.joiner.next()) {
      if (key.phase === undefined) this.inferPhase(key, message.type);
      if (this.endsKey(key, message.type, message.body)) {
        // No message may span a key change (RFC 8446 §5.1).
        if (this.joiner.rest().length > 0) throw new ProtocolError("malformed_handshake");
        return;
      }
    }
    if (key.phase === undefined && this.joiner.openType !== undefined) {
      this.inferPhase(key, this.joiner.openType);
    }
  }

  private inferPhase(key: Key, type: number): void {
    // A server may request a certificate after the handshake, with handshake messages (RFC 8446 §4.6.2).
    const phase = this.reached === "application" ? "application" : PHASE_OF_MESSAGE.get(type);
    if (phase === undefined) throw new ProtocolError("malformed_handshake");
    this.settle(key, phase);
  }

  /** True when the records after this message use another key. */
  private endsKey(key: Key, type: number, body: Buffer | undefined): boolean {
    switch (key.phase) {
      case "early":
        if (type !== MESSAGE.endOfEarlyData) throw new ProtocolError("malformed_handshake");
        this.dropKey();
        this.reached = "handshake";
        return true;
      case "handshake":
        if (type === MESSAGE.encryptedExtensions && this.direction === "response") this.readExtensions(body!);
        if (type !== MESSAGE.finished) return false;
        this.dropKey();
        this.reached = "application";
        if (this.direction === "response") this.session.answerEarlyData("unknown");
        return true;
      default:
        if (type !== MESSAGE.keyUpdate) return false;
        this.updateKey(key);
        return true;
    }
  }

  private readExtensions(body: Buffer): void {
    const { session } = this;
    const { protocol, acceptsEarlyData } = readEncryptedExtensions(body);
    session.protocol = protocol;
    session.isProtocolKnown = true;
    session.answerEarlyData(acceptsEarlyData ? "accepted" : "rejected");
    session.changes++;
  }

  private updateKey(key: Key): void {
    const secret = nextTrafficSecret(this.suite.hash, key.secret);
    this.dropKey();
    this.key = {
      opener: openerForTrafficSecret(this.suite, secret, this.session.makeDecipher),
      secret,
      phase: "application",
    };
  }

  private dropKey(): void {
    this.key?.opener.wipe();
    this.key?.secret.fill(0);
    this.key = undefined;
  }
}

function newJoiner(): HandshakeJoiner {
  return new HandshakeJoiner((type) => type === MESSAGE.encryptedExtensions);
}
