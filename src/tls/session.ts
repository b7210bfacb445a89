import type { Direction } from "../connection/direction.js";
import type { MakeDecipher } from "./aead-decipher.js";
import { Candidates } from "./candidates.js";
import type { CipherSuite } from "./cipher-suites.js";
import type { RecordOpener } from "./record.js";

/** Parameters negotiated by the hellos. */
export interface Agreed {
  readonly suite: CipherSuite;
  readonly cipherSuite: number;
  readonly serverRandom: Buffer;
  readonly encryptThenMac: boolean;
}

/**
 * - `none`: the client offered none;
 * - `undecided`: offered; the server's answer is in its encrypted extensions, which have not been read yet;
 * - `unknown`: they could not be read.
 */
export type EarlyData = "none" | "undecided" | "accepted" | "rejected" | "unknown";

/** State shared by both directions of a session. */
export class Session {
  readonly candidates = new Candidates();

  constructor(readonly makeDecipher: MakeDecipher) {}

  clientRandom: Buffer | undefined;
  agreed: Agreed | undefined;
  offersEarlyData = false;
  resumed = false;
  /** TLS 1.2 reveals it after the hello: the server either sends more messages, or switches to the old keys. */
  isResumptionKnown = false;
  protocol: string | undefined;
  /** True once `protocol` is final; it is undefined when the server selected none. */
  isProtocolKnown = false;
  /** The server requested another client hello (RFC 8446 §4.1.4). */
  isRetried = false;
  /** TLS 1.2: keys derived from the master secret that decrypted a record. */
  tls12Openers: Readonly<Record<Direction, RecordOpener>> | undefined;
  /** Counts changes that may allow the other direction to continue. */
  changes = 0;

  private earlyDataAnswer: "accepted" | "rejected" | "unknown" | undefined;

  get earlyData(): EarlyData {
    return this.offersEarlyData ? (this.earlyDataAnswer ?? "undecided") : "none";
  }

  /** Only the first answer counts. */
  answerEarlyData(answer: "accepted" | "rejected" | "unknown"): void {
    if (this.earlyDataAnswer !== undefined) return;
    this.earlyDataAnswer = answer;
    this.changes++;
  }

  get isEstablished(): boolean {
    const { agreed } = this;
    if (agreed === undefined || !this.isProtocolKnown || !this.isResumptionKnown) return false;
    return agreed.suite.version === "TLSv1.3" || this.tls12Openers !== undefined;
  }

  wipe(): void {
    this.candidates.wipe();
    this.tls12Openers?.request.wipe();
    this.tls12Openers?.response.wipe();
  }
}
