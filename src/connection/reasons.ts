/**
 * All reasons why an event is `identifiable`, each with a sentence for users. The enumeration in the schema and the
 * table in docs/events.md are generated from it (test/docs).
 */

/**
 * Why a connection to a known host was passed through: decided by `proxy/verdict/decide.ts` before any byte is
 * forwarded.
 */
export const PASSTHROUGH_REASONS = {
  nothing_to_read: "The bundle lists the host but has no parser or feature for its traffic.",
  client_tls_too_old: "The client does not support TLS 1.2 or later.",
  client_unknown:
    "The process that owns the connection is unknown, and unknown programs are not intercepted.",
  runtime_does_not_trust:
    "The program's runtime does not trust Oximy's certificate, so the connection was passed through.",
  app_pins_certificates: "The app pins its servers' certificates.",
  client_refused_before: "The program rejected Oximy's certificate on an earlier connection.",
  trust_unknown:
    "It is not known whether the program accepts Oximy's certificate, and the one trial was inconclusive.",
  trial_under_way:
    "Another connection of the program is being used to find out whether it accepts the certificate.",
  upstream_client_certificate:
    "The server requests a client certificate, which only the client itself can present.",
  too_many_connections: "Too many connections were open at the same time.",
  interception_off: "Interception is switched off, and the program's TLS secrets cannot be read.",
  no_certificate:
    "The program's TLS secrets cannot be read, and Oximy has no certificate yet that it could trust.",
  tls_secrets_unavailable: "Oximy found no place in the program's TLS stack where its secrets can be read.",
  reading_failed_before:
    "Two TLS sessions of the program could not be decrypted: no secret, or none that fits. Reading is not tried again until its executable changes.",
} as const;

/**
 * Why a connection that was to be read or intercepted was not, or not completely: set after the verdict, in
 * `proxy/data-plane.ts`, `proxy/read-passage.ts` and `proxy/intercept/`, or when the copy is read, in `capture/`.
 */
export const CONNECTION_REASONS = {
  verdict_late: "The verdict came too late: the connection had already been passed through.",
  upstream_handshake_failed:
    "The TLS handshake with the server failed; the client was connected to the server directly.",
  upstream_unreachable: "The server could not be reached.",
  upstream_certificate_invalid:
    "The server's certificate is not valid, or some clients reject it (revoked, weak); it was passed on to the client, which decided itself.",
  certificate_not_signed:
    "No certificate was signed for the name: it is not on the list, too many were requested, or the signer is not running.",
  client_lacks_ecdsa:
    "The client supports no cipher suite that works with Oximy's certificate (ECDSA with P-256) and is as strong as the server's choice; it was passed the server's own certificate.",
  client_refused_certificate: "The client rejected Oximy's certificate.",
  client_handshake_failed: "The client aborted the TLS handshake.",
  no_request: "The connection was opened and no request was sent on it.",
  tls_sites_late:
    "The search for the program's TLS secrets had not finished yet; its next connection is read.",
  tls_secret_missing: "Application data was exchanged, but no secret of the session arrived.",
  tls_record_unreadable: "A TLS record could not be decrypted with the session's secrets.",
  tls_unsupported:
    "The TLS session uses a feature that is not supported: a cipher suite, a version, renegotiation.",
  tls_malformed: "The bytes are not TLS records.",
  capture_lost:
    "The capture fell behind or was restarted, and what it had not read is lost. Traffic was not affected.",
  unknown_protocol: "Client and server negotiated a protocol that is not supported.",
} as const;

/** Why an exchange that was read has no interaction: set in `oisp/classify.ts` and `capture/`. */
export const EXCHANGE_REASONS = {
  path_unknown: "The bundle knows the host, but not this path.",
  no_parser: "The bundle has no parser for this provider.",
  unknown_format: "The path is known, but the body is in no supported format.",
  host_unknown: "The bundle does not know the host; it was read because of `--all-hosts`.",
  websocket_closed: "The end of a WebSocket; each of its turns has its own event.",
  stream_open: "The stream is still open; its event follows when it ends.",
} as const;

/** Why reading stopped: the bytes violate their protocol or exceed a limit (`exchange/`). */
export const PROTOCOL_REASONS = {
  reader_failed: "The reader failed: a bug in Oximy.",
  too_much_open: "Too much unfinished data was open at once.",
  server_speaks_first: "The server spoke first.",
  h2_bad_continuation: "HTTP/2: a CONTINUATION frame out of place.",
  h2_bad_frame_size: "HTTP/2: a frame of invalid size.",
  h2_bad_padding: "HTTP/2: padding beyond the frame's end.",
  h2_bad_preface: "HTTP/2: an invalid connection preface.",
  h2_bad_promise: "HTTP/2: an invalid PUSH_PROMISE.",
  h2_frame_too_large: "HTTP/2: a frame above the negotiated size.",
  h2_head_too_large: "HTTP/2: a header section above the limit.",
  h2_no_settings: "HTTP/2: the connection does not begin with SETTINGS.",
  h2_too_many_streams: "HTTP/2: too many concurrent streams.",
  hpack_bad_huffman: "HPACK: an invalid Huffman code.",
  hpack_bad_index: "HPACK: an index beyond the table.",
  hpack_bad_integer: "HPACK: an invalid integer.",
  hpack_cut_short: "HPACK: a block that ends within a field.",
  hpack_late_size_update: "HPACK: a table size update after a field.",
  hpack_list_too_large: "HPACK: a field list above the limit.",
  hpack_table_too_large: "HPACK: a table above the negotiated size.",
  http1_bad_chunk: "HTTP/1: an invalid chunk.",
  http1_bad_content_length: "HTTP/1: an invalid Content-Length.",
  http1_bad_field: "HTTP/1: an invalid header field.",
  http1_bad_request_line: "HTTP/1: an invalid request line.",
  http1_bad_status_line: "HTTP/1: an invalid status line.",
  http1_bare_cr: "HTTP/1: a carriage return without line feed.",
  http1_bytes_before_switch: "HTTP/1: bytes before the protocol was switched.",
  http1_conflicting_lengths: "HTTP/1: conflicting lengths.",
  http1_folded_length: "HTTP/1: a folded field that determines the length.",
  http1_head_too_large: "HTTP/1: a header section above the limit.",
  http1_nul_in_head: "HTTP/1: a NUL in the header section.",
  http1_too_many_pipelined: "HTTP/1: too many pipelined requests.",
  http1_unexpected_switch: "HTTP/1: an unrequested protocol switch.",
  http1_unknown_transfer_coding: "HTTP/1: an unknown transfer coding.",
  http1_unsolicited_response: "HTTP/1: a response without a request.",
  websocket_bad_control: "WebSocket: an invalid control frame.",
  websocket_bad_deflate: "WebSocket: data that does not inflate.",
  websocket_bad_fragment: "WebSocket: fragments out of order.",
  websocket_bad_length: "WebSocket: an invalid length.",
  websocket_bad_opcode: "WebSocket: an unknown opcode.",
  websocket_reserved_bits: "WebSocket: reserved bits are set.",
  websocket_unknown_extension: "WebSocket: an unsupported extension.",
} as const;

/** Every value of `metadata.reason`. */
export const REASONS = {
  ...PASSTHROUGH_REASONS,
  ...CONNECTION_REASONS,
  ...EXCHANGE_REASONS,
  ...PROTOCOL_REASONS,
} as const;

export type PassthroughReason = keyof typeof PASSTHROUGH_REASONS;
export type ConnectionReason = keyof typeof CONNECTION_REASONS;
export type ExchangeReason = keyof typeof EXCHANGE_REASONS;
export type ProtocolReason = keyof typeof PROTOCOL_REASONS;
export type Reason = keyof typeof REASONS;
