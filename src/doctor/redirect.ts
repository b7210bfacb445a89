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
      : missing("firewall", "pfctl was not found", "It is part of macOS: /sbin must be readable.");
  }
  if (tools.nft) return ok("firewall", `nft${tools.iptables ? ", and iptables" : ""}`);
  if (tools.iptables)
    return ok("firewall", "iptables (nft would be better: the kernel itself removes its rules)");
  return missing(
    "firewall",
    "neither nft nor iptables is installed",
    "Install nftables: apt-get install nftables (same name with dnf, pacman and zypper)",
  );
}

/** From the exit code of the redirect script's `status`: 0 installed, 1 not installed, else unknown. */
export function statusFinding({ code, output }: { code: number; output: string }): Finding {
  if (code === 1) return ok("redirect", "not installed");
  if (code === 0) {
    return warning(
      "redirect",
      `${output}: a capture runs, or one was killed`,
      "When none runs: sudo oximy cleanup",
    );
  }
  return warning("redirect", `its state could not be read: ${output}`, "Run: sudo oximy doctor");
}

/**
 * Whether the kernel accepts the rules, by a trial that installs nothing. Not while rules are installed: their table has an
 * owner, and the trial would fail.
 */
export function trialFinding(failure: string | undefined, tools: RedirectTools): Finding {
  if (failure === undefined) return ok("rules", "the kernel accepts them");
  return tools.iptables
    ? warning(
        "rules",
        `nft cannot install them here, so iptables is used: ${failure}`,
        "Nothing to do, or boot Linux 5.12 or newer.",
      )
    : missing(
        "rules",
        `nft cannot install them here: ${failure}`,
        "Install iptables, or boot Linux 5.12 or newer.",
      );
}

export function keptFinding(kept: "kept" | "gone"): Finding {
  return kept === "gone"
    ? ok("leftovers", "none")
    : ok(
        "leftovers",
        "the table oximy_keep, which matches nothing and is removed with the last captured connection",
      );
}

/** Rules that match the sending user see Oximy instead of the client. */
export function ownerFinding(rules: readonly string[]): Finding {
  return rules.length === 0
    ? ok("owner rules", "none")
    : warning(
        "owner rules",
        describeOwnerRules(rules),
        "Mark the connections instead (SO_MARK, or MARK in mangle OUTPUT): marked connections are not redirected.",
      );
}
