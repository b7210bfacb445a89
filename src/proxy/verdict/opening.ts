/** Classifies the first bytes of a connection. */

import { type ClientHello, readClientHello } from "./client-hello.js";
import { readHttpHead } from "./http-head.js";

export type Opening =
  | { readonly kind: "tls"; readonly hello: ClientHello }
  | { readonly kind: "http"; readonly host?: string; readonly port?: number }
  | { readonly kind: "incomplete" }
  | { readonly kind: "other"; readonly reason: "client_hello_malformed" | "neither_tls_nor_http" };

/** Parses the opening from all bytes peeked so far. */
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
