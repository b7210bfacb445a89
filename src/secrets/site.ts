/** A place in a program's code where a TLS secret can be copied. */

/**
 * What the registers hold at a site, on entry of the instruction:
 * - `keylog`: OpenSSL, BoringSSL and GnuTLS, `f(connection, label, secret, length)` by the C calling convention;
 * - `go`: `crypto/tls.(*Config).writeKeyLog`, by Go's register ABI;
 * - `rustls_will_log`: rustls' indirect call of `will_log(label)`; the secret lies in the frame or behind a register;
 * - `rustls_log`: rustls' call of `log("CLIENT_RANDOM", random, secret)` for TLS 1.2;
 * - `nss_hmac_create`, `nss_hmac_init`: freebl's HMAC, whose key is a traffic secret among others: without a label.
 */
export type SiteKind =
  | "keylog"
  | "go"
  | "rustls_will_log"
  | "rustls_log"
  | "nss_hmac_create"
  | "nss_hmac_init";

export interface Site {
  readonly kind: SiteKind;
  /** Offset in the file, as the kernel's uprobes count. */
  readonly offset: number;
}

/** A site with what is needed to find it again in its file without a search (native/linux/sites/candidate.h). */
export interface ProvenSite extends Site {
  readonly rule: "symbol" | "calls" | "go_table" | "label_table" | "label" | "vector";
  readonly proof: readonly number[];
}

/** What was found in one executable file. */
export type SitesOfFile =
  | { readonly kind: "found"; readonly sites: readonly ProvenSite[] }
  /** No TLS stack that is known, or none whose sites are certain. */
  | { readonly kind: "none"; readonly reason: string }
  /** The search did not come to an end, which says nothing about the file. */
  | { readonly kind: "failed"; readonly reason: string };
