/** Display name of a TLS stack found in a file. */

import type { Site, SiteKind } from "./site.js";

const BY_KIND: Record<Exclude<SiteKind, "keylog">, string> = {
  go: "Go's crypto/tls",
  rustls_will_log: "rustls",
  rustls_log: "rustls",
  nss_hmac_create: "NSS",
  nss_hmac_init: "NSS",
};

/** @param key "device inode path": the finder's key of the file */
export function nameOfStack(key: string, sites: readonly Site[]): string {
  const path = key.split(" ").slice(2).join(" ");
  const kind = sites[0]?.kind ?? "keylog";
  return `${kind === "keylog" ? keylogStack(path) : BY_KIND[kind]} in ${path || "a file without a name"}`;
}

/** The three with a key log callback cannot be distinguished when statically linked into a program. */
function keylogStack(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (/^libgnutls/.test(name)) return "GnuTLS";
  return /^libssl\.so/.test(name) ? "OpenSSL" : "OpenSSL or BoringSSL";
}
