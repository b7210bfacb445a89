import { findCipherSuite } from "./cipher-suites.js";
import { ProtocolError } from "./failure.js";
import {
  HandshakeJoiner,
  MESSAGE,
  readClientHello,
  readServerHello,
  type ServerHelloParts,
} from "./handshake-messages.js";
import { CONTENT, HEADER_LENGTH } from "./record.js";
import type { Session } from "./session.js";
import type { KeptRecord, Stage, StageSink, Step } from "./stage.js";

/** A plain alert has exactly two bytes. */
const ALERT_LENGTH = HEADER_LENGTH + 2;

export function readPlainAlert(record: Buffer, sink: StageSink): void {
  if (record.length !== ALERT_LENGTH) throw new ProtocolError("malformed_record");
  sink.onAlert(record[HEADER_LENGTH]!, record[HEADER_LENGTH + 1]!);
}

/** One or two client hellos, followed by the stage that the server hello determines. */
export class ClientHelloStage implements Stage {
  private joiner = newJoiner(MESSAGE.clientHello);
  /** Hellos seen. */
  private hellos = 0;
  private rest: Stage | undefined;

  constructor(
    private readonly session: Session,
    private readonly sink: StageSink,
  ) {}

  get isOpen(): boolean {
    return this.rest?.isOpen ?? false;
  }

  /** Sets the stage for the records after the hellos. */
  continueWith(stage: Stage): void {
    this.rest = stage;
  }

  read(record: Buffer): Step {
    const isHelloDue = this.hellos === 0 || (this.hellos === 1 && this.session.isRetried);
    if (!isHelloDue) return this.rest?.read(record) ?? "waits_for_peer";
    switch (record[0]) {
      case CONTENT.handshake:
        this.readHello(record.subarray(HEADER_LENGTH));
        return "read";
      case CONTENT.alert:
        readPlainAlert(record, this.sink);
        return "read";
      default:
        // Between two hellos: early data, which the retry rejects, preceded by a middlebox compatibility record.
        if (this.hellos === 0) throw new ProtocolError("malformed_record");
        return "read";
    }
  }

  search(kept: readonly KeptRecord[], start: number): number | undefined {
    return this.rest?.search(kept, start);
  }

  wipe(): void {
    this.rest?.wipe();
  }

  private readHello(fragment: Buffer): void {
    this.joiner.feed(fragment);
    const message = this.joiner.next();
    const type = message?.type ?? this.joiner.openType ?? MESSAGE.clientHello;
    if (type !== MESSAGE.clientHello) throw new ProtocolError("malformed_handshake");
    if (message === undefined) return;
    const { random, offersEarlyData } = readClientHello(message.body!);
    const { session } = this;
    // The second one has the same random, and may offer no early data (RFC 8446 §4.1.2).
    session.clientRandom ??= random;
    if (this.hellos === 0) session.offersEarlyData = offersEarlyData;
    session.changes++;
    this.hellos++;
    this.joiner = newJoiner(MESSAGE.clientHello);
  }
}

/** Reads up to the server hello, then calls `onAgreed` with the remaining messages of the same record. */
export class ServerHelloStage implements Stage {
  readonly isOpen = false;
  private readonly joiner = newJoiner(MESSAGE.serverHello);

  constructor(
    private readonly session: Session,
    private readonly sink: StageSink,
    private readonly onAgreed: (version: "TLSv1.2" | "TLSv1.3", rest: Buffer) => void,
  ) {}

  read(record: Buffer): Step {
    switch (record[0]) {
      case CONTENT.handshake:
        this.readHello(record.subarray(HEADER_LENGTH));
        return "read";
      case CONTENT.alert:
        readPlainAlert(record, this.sink);
        return "read";
      case CONTENT.changeCipherSpec:
        // After a retry, for middlebox compatibility (RFC 8446 §D.4).
        if (this.session.isRetried) return "read";
        throw new ProtocolError("malformed_record");
      default:
        throw new ProtocolError("malformed_record");
    }
  }

  search(): undefined {
    return undefined;
  }

  wipe(): void {}

  private readHello(fragment: Buffer): void {
    this.joiner.feed(fragment);
    for (let message = this.joiner.next(); message !== undefined; message = this.joiner.next()) {
      // TLS 1.2: a hello request before any hello has no effect (RFC 5246 §7.4.1.1).
      if (message.type === 0) continue;
      if (message.type !== MESSAGE.serverHello) throw new ProtocolError("malformed_handshake");
      const hello = readServerHello(message.body!);
      if (hello.kind === "retry") {
        this.session.isRetried = true;
        this.session.answerEarlyData("rejected");
        this.session.changes++;
      } else {
        this.agree(hello);
        return;
      }
    }
  }

  private agree(hello: ServerHelloParts): void {
    const { session } = this;
    const version = hello.version === 0x0304 ? "TLSv1.3" : hello.version === 0x0303 ? "TLSv1.2" : undefined;
    if (version === undefined) throw new ProtocolError("unsupported_version");
    const suite = findCipherSuite(hello.cipherSuite);
    if (suite?.version !== version || hello.compression !== 0)
      throw new ProtocolError("unsupported_cipher_suite");
    const { cipherSuite, random: serverRandom, encryptThenMac } = hello;
    session.agreed = { suite, cipherSuite, serverRandom, encryptThenMac };
    if (version === "TLSv1.3") {
      session.resumed = hello.hasPreSharedKey;
      session.isResumptionKnown = true;
      if (!hello.hasPreSharedKey) session.answerEarlyData("rejected");
    } else {
      session.protocol = hello.protocol;
      session.isProtocolKnown = true;
    }
    session.changes++;
    this.onAgreed(version, this.joiner.rest());
  }
}

function newJoiner(type: number): HandshakeJoiner {
  return new HandshakeJoiner((other) => other === type);
}
