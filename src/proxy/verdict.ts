/** What is done with a connection. Pure: all that it needs to know is handed to it. */

import type { Endpoint } from "../attribution/client.js";
import { type ClientHello, readClientHello } from "./client-hello.js";
import { readHttpHead } from "./http-head.js";

/** What the first bytes of a connection are. */
export type Opening =
  | { readonly kind: "tls"; readonly hello: ClientHello }
  | { readonly kind: "http"; readonly host?: string; readonly port?: number }
  | { readonly kind: "incomplete" }
  | { readonly kind: "other"; readonly reason: "client_hello_malformed" | "neither_tls_nor_http" };

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
  /** The bundle names the host and has nothing by which it could be read: it stays private. */
  | "nothing_to_read"
  | "no_host_name"
  | "client_silent"
  | "neither_tls_nor_http"
  | "client_hello_malformed"
  | "client_tls_too_old";

/** Can the bundle read what is said with a host, does it only name it, or has it never heard of it? */
export type HostKnowledge = "readable" | "named" | "unknown";

const TLS_1_2 = 0x0303;

/**
 * The verdict as far as the opening and the host decide it. What the client is (filters, pins) is asked only for
 * connections that this would intercept.
 * @param destination where the client meant to go: its address (or, behind the explicit proxy, a name) and port
 * @param knowledgeOf what the bundle knows of a host on a port
 */
export function decide(
  opening: Opening,
  destination: Endpoint,
  knowledgeOf: (host: string, port: number) => HostKnowledge,
): Verdict {
  if (opening.kind === "incomplete") return { action: "passthrough", reason: "client_silent", known: false };
  if (opening.kind === "other") return { action: "passthrough", reason: opening.reason, known: false };
  const named = opening.kind === "tls" ? opening.hello.serverName : opening.host;
  const host = named ?? destination.address;
  const port = opening.kind === "http" ? (opening.port ?? destination.port) : destination.port;
  const knowledge = knowledgeOf(host, port);
  if (knowledge === "named") return { action: "passthrough", reason: "nothing_to_read", host, known: true };
  if (knowledge === "unknown") {
    return named === undefined
      ? { action: "passthrough", reason: "no_host_name", known: false }
      : { action: "passthrough", reason: "host_unknown", host, known: false };
  }
  if (opening.kind === "tls" && !opening.hello.versions.some((version) => version >= TLS_1_2)) {
    return { action: "passthrough", reason: "client_tls_too_old", host, known: true };
  }
  return { action: "intercept", transport: opening.kind === "tls" ? "tls" : "plain", host };
}
