/** What to do so that a connection which was seen and not read is read the next time. */

import type { Reason } from "../../connection/reasons.js";
import { adviceForPath, PINNED_ADVICE } from "../../trust/advice.js";

const NEXT_TIME = "nothing: its next connection is read";
const OF_SERVER =
  "nothing here: it is between the program and the server, which passed as it would without Oximy";
const OF_BUNDLE = "run: oximy bundle update, which may know more by now";
const UNREADABLE = "nothing was lost but the copy; when it comes again, run: oximy doctor, and report it";

const ADVICE: { readonly [reason in Reason]?: string } = {
  nothing_to_read: OF_BUNDLE,
  path_unknown: OF_BUNDLE,
  no_parser: OF_BUNDLE,
  unknown_format: OF_BUNDLE,
  client_tls_too_old: "a newer version of the program, one that offers TLS 1.2",
  client_unknown: "run: sudo oximy local, which sees whose connection it is",
  app_pins_certificates: PINNED_ADVICE,
  trial_under_way: NEXT_TIME,
  verdict_late: NEXT_TIME,
  tls_sites_late: NEXT_TIME,
  too_many_connections: NEXT_TIME,
  capture_lost: NEXT_TIME,
  too_much_open: NEXT_TIME,
  interception_off: "start the capture without --no-intercept, or as root without --no-read",
  upstream_client_certificate: "run: sudo oximy local, which reads it without a certificate of Oximy's",
  upstream_handshake_failed: OF_SERVER,
  upstream_unreachable: OF_SERVER,
  upstream_certificate_invalid: OF_SERVER,
  no_request: "nothing: there was no request to read",
  host_unknown: "nothing: it was asked for by --all-hosts, and the bundle does not say what it means",
  websocket_closed: "nothing: its turns have events of their own",
  stream_open: "nothing: its event follows when it ends",
};

/** These are of whether the program accepts a certificate of Oximy's. */
const OF_TRUST: ReadonlySet<string> = new Set([
  "runtime_does_not_trust",
  "client_refused_before",
  "client_refused_certificate",
  "client_handshake_failed",
  "trust_unknown",
  "no_certificate",
  "tls_secrets_unavailable",
  "tls_secret_missing",
] satisfies Reason[]);

/** @param certificate path of the certificate of Oximy's authority */
export function adviceFor(reason: string, program: string | undefined, certificate: string): string {
  if (OF_TRUST.has(reason)) return adviceForPath(program ?? "", certificate);
  return ADVICE[reason as Reason] ?? UNREADABLE;
}
