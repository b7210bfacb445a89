/** Why the copy of a TLS session can no longer be read. A closed list, for schema and docs. */
export type TlsReadFailure =
  | "malformed_record" // not a TLS record, or one of a type that is not allowed at this point
  | "malformed_handshake" // a hello or extensions whose fields run past their end
  | "unsupported_version" // SSL 3.0, TLS 1.0, TLS 1.1, drafts of 1.3
  | "unsupported_cipher_suite" // also NULL encryption, and compression
  | "renegotiation" // TLS 1.2: a second handshake inside the first
  | "record_does_not_open" // a key that decrypted earlier records fails on this one
  | "secret_missing" // the caller called `giveUp()`
  | "too_much_ciphertext" // more than `maxPending` passed before a secret arrived
  | "reader_failed"; // a bug of ours

/** Thrown and caught inside the reader: the bytes cannot be read any further. */
export class ProtocolError extends Error {
  constructor(readonly reason: TlsReadFailure) {
    super(reason);
    this.name = "ProtocolError";
  }
}
