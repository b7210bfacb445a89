import type { Direction } from "../connection/direction.js";
import type { MakeDecipher } from "./aead-decipher.js";
import { fixedIvLength, openerForTls12 } from "./aead-opener.js";
import { CbcOpener } from "./cbc-opener.js";
import { ProtocolError } from "./failure.js";
import { HandshakeJoiner, MESSAGE } from "./handshake-messages.js";
import { readPlainAlert } from "./hello-stages.js";
import { keyBlock, MASTER_SECRET_LENGTH } from "./key-schedule.js";
import { CONTENT, HEADER_LENGTH, type RecordOpener } from "./record.js";
import type { Agreed, Session } from "./session.js";
import type { KeptRecord, Stage, StageSink, Step } from "./stage.js";

/** One direction of TLS 1.2 after the hellos (RFC 5246 §7.3). */
export class Tls12Stage implements Stage {
  private isProtected = false;
  private opener: RecordOpener | undefined;
  private readonly joiner = new HandshakeJoiner(() => false);
  /** What `search` decrypted, so that `read` does not repeat it. */
  private found: { readonly record: Buffer; readonly content: Buffer } | undefined;

  constructor(
    private readonly direction: Direction,
    private readonly session: Session,
    private readonly sink: StageSink,
  ) {}

  get isOpen(): boolean {
    return this.opener !== undefined;
  }

  /** Messages in the same record as the server hello. */
  readRest(fragment: Buffer): void {
    this.joiner.feed(fragment);
    for (let message = this.joiner.next(); message !== undefined; message = this.joiner.next()) {
      if (message.type === MESSAGE.serverHelloDone) this.settleResumption("new");
    }
  }

  read(record: Buffer): Step {
    if (!this.isProtected) {
      this.readPlain(record);
      return "read";
    }
    if (this.session.clientRandom === undefined) return "waits_for_peer";
    this.opener ??= this.session.tls12Openers?.[this.direction];
    if (this.opener === undefined) return "waits_for_secret";
    const content = this.found?.record === record ? this.found.content : this.opener.open(record);
    this.found = undefined;
    if (content === undefined) throw new ProtocolError("record_does_not_open");
    this.readContent(record[0]!, content);
    return "read";
  }

  /** The first protected record is the last of the handshake: the right secret must decrypt it. */
  search(kept: readonly KeptRecord[], start: number): number | undefined {
    const { candidates, clientRandom, agreed } = this.session;
    const entry = kept[start];
    if (entry === undefined || clientRandom === undefined) return undefined;
    for (const candidate of candidates.list) {
      const { id, label, secret } = candidate;
      if (id < entry.triedBelow || secret.length !== MASTER_SECRET_LENGTH) continue;
      if (label !== undefined && label !== "CLIENT_RANDOM") continue;
      candidate.openers ??= makeOpeners(agreed!, clientRandom, secret, this.session.makeDecipher);
      const content = candidate.openers[this.direction].open(entry.record);
      if (content === undefined) continue;
      candidates.remove(candidate);
      secret.fill(0);
      this.session.tls12Openers = candidate.openers;
      this.session.changes++;
      this.opener = candidate.openers[this.direction];
      this.found = { record: entry.record, content };
      return start;
    }
    entry.triedBelow = candidates.nextId;
    return undefined;
  }

  wipe(): void {
    this.opener?.wipe();
    this.found?.content.fill(0);
    this.found = undefined;
  }

  private readPlain(record: Buffer): void {
    switch (record[0]) {
      case CONTENT.changeCipherSpec:
        this.isProtected = true;
        // A server that resumes a session sends neither certificate nor key exchange.
        if (this.direction === "response") this.settleResumption("resumed");
        return;
      case CONTENT.alert:
        readPlainAlert(record, this.sink);
        return;
      case CONTENT.handshake:
        if (this.direction === "response") this.readRest(record.subarray(HEADER_LENGTH));
        return;
      default:
        throw new ProtocolError("malformed_record");
    }
  }

  private settleResumption(kind: "new" | "resumed"): void {
    if (this.session.isResumptionKnown) return;
    this.session.isResumptionKnown = true;
    this.session.resumed = kind === "resumed";
    this.session.changes++;
  }

  private readContent(type: number, content: Buffer): void {
    switch (type) {
      case CONTENT.applicationData:
        this.sink.onData(content);
        return;
      case CONTENT.alert:
        if (content.length !== 2) throw new ProtocolError("malformed_record");
        this.sink.onAlert(content[0]!, content[1]!);
        return;
      case CONTENT.changeCipherSpec:
        throw new ProtocolError("renegotiation");
      case CONTENT.handshake:
        this.readHandshake(content);
        return;
      default:
      // Heartbeats (RFC 6520) carry no data.
    }
  }

  /** A hello starts a renegotiation; a hello request does not, since it can be declined. */
  private readHandshake(content: Buffer): void {
    const check = (type: number | undefined): void => {
      if (type === MESSAGE.clientHello || type === MESSAGE.serverHello)
        throw new ProtocolError("renegotiation");
    };
    this.joiner.feed(content);
    for (let message = this.joiner.next(); message !== undefined; message = this.joiner.next()) {
      check(message.type);
    }
    check(this.joiner.openType);
  }
}

function makeOpeners(
  { suite, serverRandom, encryptThenMac }: Agreed,
  clientRandom: Buffer,
  masterSecret: Buffer,
  make: MakeDecipher,
): Record<Direction, RecordOpener> {
  const { protection, hash } = suite;
  const macLength = protection.kind === "cbc" ? protection.macLength : 0;
  // In TLS 1.2 the CBC IV precedes each record's ciphertext.
  const ivLength = protection.kind === "aead" ? fixedIvLength(protection) : 0;
  const lengths = [macLength, macLength, protection.keyLength, protection.keyLength, ivLength, ivLength];
  const randoms = { client: clientRandom, server: serverRandom };
  const block = keyBlock(
    hash,
    masterSecret,
    randoms,
    lengths.reduce((sum, length) => sum + length),
  );
  let at = 0;
  const [clientMac, serverMac, clientKey, serverKey, clientIv, serverIv] = lengths.map((length) => {
    at += length;
    return Buffer.from(block.subarray(at - length, at));
  }) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
  block.fill(0);
  if (protection.kind === "aead") {
    return {
      request: openerForTls12(protection, clientKey, clientIv, make),
      response: openerForTls12(protection, serverKey, serverIv, make),
    };
  }
  const order = encryptThenMac ? "encrypt_then_mac" : "mac_then_encrypt";
  return {
    request: new CbcOpener(protection, clientKey, clientMac, order),
    response: new CbcOpener(protection, serverKey, serverMac, order),
  };
}
