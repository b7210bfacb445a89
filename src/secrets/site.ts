/** A place in a program's code where a TLS secret can be copied. */

/**
 * What the registers hold at a site, before the instruction executes:
 * - `keylog`: OpenSSL, BoringSSL and GnuTLS, `f(connection, label, secret, length)` by the C calling convention;
 * - `go`: `crypto/tls.(*Config).writeKeyLog`, by Go's register ABI;
 * - `rustls_will_log`: rustls' indirect call of `will_log(label)`; the secret is on the stack frame or behind a register;
 * - `rustls_log`: rustls' call of `log("CLIENT_RANDOM", random, secret)` for TLS 1.2;
 * - `nss_hmac_create`, `nss_hmac_init`: freebl's HMAC, whose keys include the traffic secrets; without a label.
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
  /** File offset, as used by the kernel's uprobes. */
  readonly offset: number;
}

/** A site with the proof needed to verify it in its file without a search (native/linux/sites/candidate.h). */
export interface ProvenSite extends Site {
  readonly rule: "symbol" | "calls" | "go_table" | "label_table" | "label" | "vector";
  readonly proof: readonly number[];
}

/** Result of searching one executable file. */
export type SitesOfFile =
  | { readonly kind: "found"; readonly sites: readonly ProvenSite[] }
  /** No known TLS stack, or none whose sites are certain. */
  | { readonly kind: "none"; readonly reason: string }
  /** The search did not complete; nothing is known about the file. */
  | { readonly kind: "failed"; readonly reason: string };
