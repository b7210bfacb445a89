/** The outcome for a record: it was read, or cannot be read yet. */
export type Step = "read" | "waits_for_secret" | "waits_for_peer";

/** A waiting record, with the arrival time of its last byte. */
export interface KeptRecord {
  readonly record: Buffer;
  readonly time: number;
  /** Its position among the records of both directions, by arrival. */
  readonly order: number;
  /** Candidates with smaller ids have been tried on it. */
  triedBelow: number;
}

/** Receives what was read. */
export interface StageSink {
  onData(bytes: Buffer): void;
  onAlert(level: number, description: number): void;
  /** Early data that no secret decrypts; `bytes` of ciphertext. */
  onEarlyDataUnread(bytes: number): void;
}

/** Reads one direction: the hello first, then by the rules of the negotiated version. Throws `ProtocolError`. */
export interface Stage {
  /** True when application data can be read. */
  readonly isOpen: boolean;
  /** `record` is valid during the call only. */
  read(record: Buffer): Step;
  /**
   * Index of the first record from `start` on that a candidate decrypts: it is read next, and those before it are
   * unreadable. Undefined when there is none.
   */
  search(kept: readonly KeptRecord[], start: number): number | undefined;
  wipe(): void;
}
