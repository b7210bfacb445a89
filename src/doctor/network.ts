/** Checks of the network settings that affect the path of connections. */

import { type Finding, ok, warning } from "./finding.js";

/**
 * Interfaces that the default route uses, from /proc/net/route: name, destination, …, mask in the eighth column,
 * hexadecimal in host order. VPNs also use two half routes (0.0.0.0/1 and 128.0.0.0/1) instead of one default.
 */
export function linuxDefaultInterfaces(table: string): string[] {
  const rows = table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  const found = rows.filter(
    ([, destination, , , , , , mask]) =>
      (destination === "00000000" && (mask === "00000000" || mask === "00000080")) ||
      (destination === "00000080" && mask === "00000080"),
  );
  return [...new Set(found.map(([name]) => name!))];
}

/** From `netstat -rn`: destination, gateway, flags, interface. */
export function darwinDefaultInterfaces(table: string): string[] {
  const found = [...table.matchAll(/^(?:default|0\/1|128\.0\/1)\s+\S+\s+\S+\s+(\S+)/gm)].map(
    ([, name]) => name!,
  );
  return [...new Set(found)];
}

/** Names of VPN interfaces; `isTunnel` recognises those with other names. */
const TUNNEL_NAME = /^(u?tun|tap|wg|ppp|ipsec|tailscale|nordlynx|proton|cscotun|gpd|zt)/;

export function vpnFinding(interfaces: readonly string[], isTunnel: (name: string) => boolean): Finding {
  const tunnels = interfaces.filter((name) => TUNNEL_NAME.test(name) || isTunnel(name));
  if (tunnels.length === 0) return ok("vpn", "the default route goes through no tunnel");
  return warning(
    "vpn",
    `the default route goes through ${tunnels.join(", ")}, which looks like a VPN`,
    "A VPN client that filters or proxies connections itself may take them first. When nothing is captured, pause it.",
  );
}

export type PortState = "free" | "taken";

export function portFinding(port: number, state: PortState): Finding {
  return state === "free"
    ? ok("port", `${port} is free for oximy proxy`)
    : warning(
        "port",
        `${port}, the port of oximy proxy, is taken`,
        "Choose another one: oximy proxy --port N",
      );
}

/** IPv6 that is used but not redirected goes unseen. */
export function ipv6Finding(
  used: "used" | "unused",
  tools: { nft: boolean; ip6tables: boolean; pfctl: boolean },
  platform = process.platform,
): Finding {
  if (used === "unused") return ok("ipv6", "not used here");
  return tools.nft || tools.ip6tables || tools.pfctl
    ? ok("ipv6", "redirected like IPv4")
    : warning(
        "ipv6",
        "used here, but nothing can redirect it",
        platform === "darwin"
          ? "pfctl is part of macOS: /sbin must be readable."
          : "Install nftables, or ip6tables.",
      );
}

/**
 * Whether there is a usable IPv6 route, from `netstat -rn -f inet6` of macOS. Idle tunnels have default routes too,
 * which apply only to sockets bound to them: flag `I` (RTF_IFSCOPE, netstat(1)).
 */
export function darwinUsesIPv6(table: string): boolean {
  return [...table.matchAll(/^default\s+\S+\s+(\S+)/gm)].some(([, flags = ""]) => !flags.includes("I"));
}
