/**
 * Names that stand in the hello in place of the real one (ECH, RFC 9849). Answered under our certificate, the
 * client asks again without ECH, and the real name is seen. Only for apps that were named: a client that does not
 * trust us would not come again.
 */
export const ECH_PUBLIC_NAMES: ReadonlySet<string> = new Set(["cloudflare-ech.com"]);
