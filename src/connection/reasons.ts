/**
 * Why an event is `identifiable`: the one closed list, with a sentence for the reader. The schema's enumeration and
 * docs/events.md are generated from it (test/docs).
 */

/** Why a connection to a known host was passed through, as `proxy/verdict/decide.ts` decides before a byte of it goes on. */
export const PASSTHROUGH_REASONS = {
  nothing_to_read: "The bundle names the host and has nothing by which its traffic could be read.",
  client_tls_too_old: "The client offers no TLS version from 1.2 on.",
  client_unknown:
    "Whose connection it was is not known, and programs that are not known are not intercepted.",
  runtime_does_not_trust:
    "The program's runtime does not accept Oximy's certificate, so it was not shown one.",
  app_pins_certificates: "The app accepts its own servers' certificates only.",
  client_refused_before: "The program refused Oximy's certificate before.",
  trust_unknown:
    "Whether the program accepts Oximy's certificate is not known, and its one trial told nothing.",
  trial_under_way:
    "Another connection of the program is being used to find out whether it accepts the certificate.",
  upstream_client_certificate:
    "The server asks for a client certificate, which only the client itself can show.",
  too_many_connections: "More connections were open than are read at a time.",
  interception_off: "Interception is switched off, and the program's TLS secrets cannot be read.",
  no_certificate:
    "The program's TLS secrets cannot be read, and there is no certificate of Oximy's to trust yet.",
  tls_secrets_unavailable: "The program's TLS stack offers no place where its secrets can be read.",
  reading_failed_before:
    "Twice no secret of the program's TLS sessions came, or none that fits; it is not read until its executable changes.",
} as const;

/**
 * Why a connection that was to be read or intercepted was not, or not to its end: what came of the verdict, in
 * `proxy/data-plane.ts`, `proxy/read-passage.ts` and `proxy/intercept/`, or of the copy, in `capture/`.
 */
export const CONNECTION_REASONS = {
  verdict_late: "The verdict came too late; the connection had been passed through by then.",
  upstream_handshake_failed:
    "No TLS session with the server came about; the client was shown the server itself.",
  upstream_unreachable: "The server could not be reached.",
  upstream_certificate_invalid:
    "The server's certificate is not valid, or one that some clients refuse (revoked, weak); the client was shown it and decided itself.",
  certificate_not_signed:
    "No certificate was signed for the name: it is on no list, too many were asked for, or the signer is not there.",
  client_lacks_ecdsa:
    "The client offers nothing by which it could take a certificate like Oximy's (ECDSA with P-256) and have a session as strong as the server's; it was shown the server's own.",
  client_refused_certificate: "The client refused Oximy's certificate.",
  client_handshake_failed: "The client ended the handshake before it was over.",
  no_request: "The connection was opened and no request was sent on it.",
  tls_sites_late:
    "The places where the program's TLS secrets are were still being searched for; the next call is read.",
  tls_secret_missing: "Application data flowed, and no secret of the session came.",
  tls_record_unreadable: "A TLS record did not open with the session's secrets.",
  tls_unsupported:
    "The TLS session uses something that is not read: a cipher suite, a version, renegotiation.",
  tls_malformed: "The bytes are not TLS records.",
  capture_lost: "The capture fell behind or was started anew; what it had not read is lost. Traffic went on.",
  unknown_protocol: "Client and server agreed on a protocol that is not read.",
} as const;

/** Why an exchange that was read has no interaction: `oisp/classify.ts` and `capture/`. */
export const EXCHANGE_REASONS = {
  path_unknown: "The bundle knows the host and not this path.",
  no_parser: "The bundle has no parser for this provider.",
  unknown_format: "The path is known, and the body has no format that is read.",
  host_unknown: "The bundle does not know the host; it was read because of `--all-hosts`.",
  websocket_closed: "The end of a WebSocket, whose turns have events of their own.",
  stream_open: "A stream that is still open; its event follows when it ends.",
} as const;

/** Why the bytes could not be followed any further: they break the rules of their protocol, or a bound (`exchange/`). */
export const PROTOCOL_REASONS = {
  reader_failed: "The reader failed; a fault of Oximy's.",
  too_much_open: "More was open at once than is kept.",
  server_speaks_first: "The server spoke first.",
  h2_bad_continuation: "HTTP/2: a CONTINUATION frame out of place.",
  h2_bad_frame_size: "HTTP/2: a frame has a wrong size.",
  h2_bad_padding: "HTTP/2: padding beyond the frame's end.",
  h2_bad_preface: "HTTP/2: a wrong connection preface.",
  h2_bad_promise: "HTTP/2: a wrong PUSH_PROMISE.",
  h2_frame_too_large: "HTTP/2: a frame above the agreed size.",
  h2_head_too_large: "HTTP/2: a head above the limit.",
  h2_no_settings: "HTTP/2: the connection does not begin with SETTINGS.",
  h2_too_many_streams: "HTTP/2: too many streams at once.",
  hpack_bad_huffman: "HPACK: a wrong Huffman code.",
  hpack_bad_index: "HPACK: an index beyond the table.",
  hpack_bad_integer: "HPACK: a wrong integer.",
  hpack_cut_short: "HPACK: a block that ends within a field.",
  hpack_late_size_update: "HPACK: a table size update after a field.",
  hpack_list_too_large: "HPACK: a field list above the limit.",
  hpack_table_too_large: "HPACK: a table above the agreed size.",
  http1_bad_chunk: "HTTP/1: a wrong chunk.",
  http1_bad_content_length: "HTTP/1: a wrong Content-Length.",
  http1_bad_field: "HTTP/1: a wrong header field.",
  http1_bad_request_line: "HTTP/1: a wrong request line.",
  http1_bad_status_line: "HTTP/1: a wrong status line.",
  http1_bare_cr: "HTTP/1: a carriage return without line feed.",
  http1_bytes_before_switch: "HTTP/1: bytes before the protocol was switched.",
  http1_conflicting_lengths: "HTTP/1: lengths that contradict each other.",
  http1_folded_length: "HTTP/1: a folded field that decides on the length.",
  http1_head_too_large: "HTTP/1: a head above the limit.",
  http1_nul_in_head: "HTTP/1: a NUL in the head.",
  http1_too_many_pipelined: "HTTP/1: too many requests before their answers.",
  http1_unexpected_switch: "HTTP/1: a switch of protocols that nobody asked for.",
  http1_unknown_transfer_coding: "HTTP/1: an unknown transfer coding.",
  http1_unsolicited_response: "HTTP/1: a response without a request.",
  websocket_bad_control: "WebSocket: a wrong control frame.",
  websocket_bad_deflate: "WebSocket: data that does not inflate.",
  websocket_bad_fragment: "WebSocket: fragments out of order.",
  websocket_bad_length: "WebSocket: a wrong length.",
  websocket_bad_opcode: "WebSocket: an unknown opcode.",
  websocket_reserved_bits: "WebSocket: reserved bits are set.",
  websocket_unknown_extension: "WebSocket: an extension that is not read.",
} as const;

/** All that can stand in `metadata.reason`. */
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
