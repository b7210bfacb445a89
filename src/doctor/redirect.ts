/** Whether connections can be redirected, and whether they are. */

import { describeOwnerRules } from "../supervisor/owner-rules.js";
import { type Finding, missing, ok, warning } from "./finding.js";

export interface RedirectTools {
  readonly nft: boolean;
  readonly iptables: boolean;
  readonly ip6tables: boolean;
  readonly pfctl: boolean;
}

export function toolFinding(platform: NodeJS.Platform, tools: RedirectTools): Finding {
  if (platform === "darwin") {
    return tools.pfctl
      ? ok("firewall", "pf")
      : missing("firewall", "pfctl is not there", "It is part of macOS: /sbin must be readable.");
  }
  if (tools.nft) return ok("firewall", `nft${tools.iptables ? ", and iptables" : ""}`);
  if (tools.iptables)
    return ok("firewall", "iptables (nft would be better: the kernel itself removes its rules)");
  return missing(
    "firewall",
    "neither nft nor iptables is installed",
    "Install nftables: apt-get install nftables (dnf, pacman and zypper call it the same)",
  );
}

/** From the outcome of the redirect script's `status`: 0 installed, 1 not installed, else it could not tell. */
export function statusFinding({ code, output }: { code: number; output: string }): Finding {
  if (code === 1) return ok("redirect", "not installed");
  if (code === 0) {
    return warning(
      "redirect",
      `${output}: a capture runs, or one was killed`,
      "When none runs: sudo oximy cleanup",
    );
  }
  return warning("redirect", `could not be looked at: ${output}`, "Run: sudo oximy doctor");
}

/** Whether the kernel takes the rules, by a trial that installs nothing. */
export function trialFinding(complaint: string | undefined, tools: RedirectTools): Finding {
  if (complaint === undefined) return ok("rules", "the kernel takes them");
  return tools.iptables
    ? warning(
        "rules",
        `nft cannot hold them here, so iptables does: ${complaint}`,
        "Nothing, or boot Linux 5.12 or newer.",
      )
    : missing(
        "rules",
        `nft cannot hold them here: ${complaint}`,
        "Install iptables, or boot Linux 5.12 or newer.",
      );
}

export function keptFinding(kept: "kept" | "gone"): Finding {
  return kept === "gone"
    ? ok("leftovers", "none")
    : ok(
        "leftovers",
        "the table oximy_keep, which matches nothing and goes with the last connection that was captured",
      );
}

/** Rules that go by who sends see us in the client's place. */
export function ownerFinding(rules: readonly string[]): Finding {
  return rules.length === 0
    ? ok("owner rules", "none")
    : warning(
        "owner rules",
        describeOwnerRules(rules),
        "Give the connections a mark instead (SO_MARK, or MARK in mangle OUTPUT): what has one is left alone.",
      );
}
