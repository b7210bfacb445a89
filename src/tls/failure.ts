/** Why the copy of a TLS session can no longer be read. Closed: schema and docs may list it. */
export type TlsReadFailure =
  | "malformed_record" // not a TLS record, or one where the protocol has none of its kind
  | "malformed_handshake" // a hello or extensions whose fields run past their end
  | "unsupported_version" // SSL 3.0, TLS 1.0, TLS 1.1, drafts of 1.3
  | "unsupported_cipher_suite" // also NULL encryption, and compression
  | "renegotiation" // TLS 1.2: a second handshake inside the first
  | "record_does_not_open" // a key that opened records before does not open this one
  | "secret_missing" // said by the caller, by `giveUp()`
  | "too_much_ciphertext" // more than `maxPending` passed before a secret came
  | "reader_failed"; // an error of ours

/** Thrown inside the reader, and caught at its rim: the bytes cannot be read any further. */
export class ProtocolError extends Error {
  constructor(readonly reason: TlsReadFailure) {
    super(reason);
    this.name = "ProtocolError";
  }
}
