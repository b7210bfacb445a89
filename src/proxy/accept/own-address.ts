/** Whether a connection would end at a listener of this very process, judged by the resolved address, not the name. */

import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";

/** IPv4-mapped IPv6 addresses are reached as IPv4. */
const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.)/i, "");

/**
 * An address of this machine, at which a listener on all addresses is reached. Unspecified ones are loopback
 * (RFC 1122 §3.2.1.3).
 */
export function isLocalAddress(address: string): boolean {
  const own = plain(address).replace(/%.*$/, "");
  if (/^(127(\.\d+){3}|0\.0\.0\.0|::1?)$/.test(own)) return true;
  return Object.values(networkInterfaces())
    .flat()
    .some((known) => known?.address.replace(/%.*$/, "") === own);
}

/**
 * Resolves a host name; `own` when one of its addresses is this machine's. Rejects with the resolver's error. The
 * caller must connect to the returned address: resolved again, the name may lead elsewhere.
 */
export async function resolveForeign(host: string): Promise<"own" | { readonly address: string }> {
  const found = await lookup(host.replace(/^\[|\]$/g, ""), { all: true });
  const addresses = found.map(({ address }) => address);
  if (addresses.some(isLocalAddress)) return "own";
  return { address: addresses[0]! };
}
