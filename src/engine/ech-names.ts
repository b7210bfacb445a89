/**
 * Public names that hide the real one in the ClientHello (ECH, RFC 9849). If we answer with our certificate for the
 * public name, the client retries without ECH and reveals the real name. Only for apps that were named: a client that
 * does not trust us would not retry.
 */
export const ECH_PUBLIC_NAMES: ReadonlySet<string> = new Set(["cloudflare-ech.com"]);
