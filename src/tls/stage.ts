/** What becomes of a record: it was read, or it cannot be yet. */
export type Step = "read" | "waits_for_secret" | "waits_for_peer";

/** A record that waits, with when its last byte came. */
export interface KeptRecord {
  readonly record: Buffer;
  readonly time: number;
  /** Its place among the records of both directions, in the order in which they came. */
  readonly order: number;
  /** The candidates with smaller ids were tried on it. */
  triedBelow: number;
}

/** Where what was read goes to. */
export interface StageSink {
  onData(bytes: Buffer): void;
  onAlert(level: number, description: number): void;
  /** Early data passed that no secret opens: so many bytes of ciphertext. */
  onEarlyDataUnread(bytes: number): void;
}

/** How one direction is read: the hello first, then by the rules of the version. Throws `ProtocolError`. */
export interface Stage {
  /** True when application data is being read, or the next record with some would be. */
  readonly isOpen: boolean;
  /** `record` is valid during the call only. */
  read(record: Buffer): Step;
  /**
   * The first of the records from `start` on that one of the candidates opens: it is the one to read next, those before
   * it can not be read. Undefined when there is none.
   */
  search(kept: readonly KeptRecord[], start: number): number | undefined;
  wipe(): void;
}
