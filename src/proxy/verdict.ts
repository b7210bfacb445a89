/** What is done with a connection. Pure: all that it needs to know is handed to it. */

import type { Endpoint } from "../attribution/client.js";
import { type ClientHello, readClientHello } from "./client-hello.js";
import { readHttpHead } from "./http-head.js";

/** What the first bytes of a connection are. */
export type Opening =
  | { readonly kind: "tls"; readonly hello: ClientHello }
  | { readonly kind: "http"; readonly host?: string; readonly port?: number }
  | { readonly kind: "incomplete" }
  | { readonly kind: "other"; readonly reason: string };

/** Reads the opening out of all bytes peeked so far. */
export function readOpening(bytes: Buffer): Opening {
  const hello = readClientHello(bytes);
  switch (hello.kind) {
    case "hello":
      return { kind: "tls", hello: hello.hello };
    case "incomplete":
      if (bytes.length > 0) return { kind: "incomplete" };
      break;
    case "malformed":
      return { kind: "other", reason: "client_hello_malformed" };
    case "not_tls":
      break;
  }
  const head = readHttpHead(bytes);
  switch (head.kind) {
    case "http":
      return head;
    case "incomplete":
      return { kind: "incomplete" };
    case "not_http":
      return { kind: "other", reason: "neither_tls_nor_http" };
  }
}

export type Verdict =
  | {
      readonly action: "intercept";
      readonly transport: "tls" | "plain";
      /** Name that the certificate must have and the bundle knows. */
      readonly host: string;
    }
  | {
      readonly action: "passthrough";
      readonly reason: PassthroughReason;
      readonly host?: string;
      /** True when the bundle knows the host: then the connection leaves an `identifiable` event. */
      readonly known: boolean;
    };

export type PassthroughReason =
  | "host_unknown"
  | "no_host_name"
  | "client_silent"
  | "neither_tls_nor_http"
  | "client_hello_malformed"
  | "client_tls_too_old"
  | "app_not_selected"
  | "pinned"
  | "upstream_certificate_invalid"
  | "upstream_client_certificate";

export interface VerdictKnowledge {
  /** Does the bundle know this host on this port? */
  readonly knowsHost: (host: string, port: number) => boolean;
  /** Why this client's connections to the host are left alone, if they are. */
  readonly leaveAlone: (host: string) => "app_not_selected" | "pinned" | undefined;
}

const TLS_1_2 = 0x0303;

/**
 * DESIGN §3 "Verdict", steps 2 to 5.
 * @param destination where the client meant to go: its address (or, behind the explicit proxy, a name) and port
 */
export function decide(opening: Opening, destination: Endpoint, knowledge: VerdictKnowledge): Verdict {
  if (opening.kind === "incomplete") return { action: "passthrough", reason: "client_silent", known: false };
  if (opening.kind === "other") {
    const reason =
      opening.reason === "client_hello_malformed" ? "client_hello_malformed" : "neither_tls_nor_http";
    return { action: "passthrough", reason, known: false };
  }
  const named = opening.kind === "tls" ? opening.hello.serverName : opening.host;
  const host = named ?? destination.address;
  const port = opening.kind === "http" ? (opening.port ?? destination.port) : destination.port;
  if (!knowledge.knowsHost(host, port)) {
    return named === undefined
      ? { action: "passthrough", reason: "no_host_name", known: false }
      : { action: "passthrough", reason: "host_unknown", host, known: false };
  }
  const alone = knowledge.leaveAlone(host);
  // A filtered-out app is none of our business: not even its connections are told.
  if (alone === "app_not_selected") return { action: "passthrough", reason: alone, host, known: false };
  if (alone) return { action: "passthrough", reason: alone, host, known: true };
  if (opening.kind === "tls" && !opening.hello.versions.some((version) => version >= TLS_1_2)) {
    return { action: "passthrough", reason: "client_tls_too_old", host, known: true };
  }
  return { action: "intercept", transport: opening.kind === "tls" ? "tls" : "plain", host };
}
