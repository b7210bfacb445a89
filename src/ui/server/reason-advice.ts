/** What to do so that a connection that was seen but not read is read next time. */

import type { Reason } from "../../connection/reasons.js";
import { adviceForPath, PINNED_ADVICE } from "../../trust/advice.js";

const NEXT_TIME = "nothing to do: its next connection is read";
const OF_SERVER =
  "nothing to do here: the problem is between the program and the server, and would be the same without Oximy";
const OF_BUNDLE = "run: oximy bundle update, since a newer bundle may know it";
const UNREADABLE = "only the copy was lost; if it happens again, run: oximy doctor, and report it";

const ADVICE: { readonly [reason in Reason]?: string } = {
  nothing_to_read: OF_BUNDLE,
  path_unknown: OF_BUNDLE,
  no_parser: OF_BUNDLE,
  unknown_format: OF_BUNDLE,
  client_tls_too_old: "use a newer version of the program that supports TLS 1.2",
  client_unknown: "run: sudo oximy local, which can identify the owner of a connection",
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
  no_request: "nothing to do: there was no request to read",
  host_unknown: "nothing to do: it was captured by --all-hosts, and the bundle does not know its meaning",
  websocket_closed: "nothing to do: its turns have events of their own",
  stream_open: "nothing to do: its event follows when it ends",
};

/** Reasons that concern whether the program accepts Oximy's certificate. */
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
