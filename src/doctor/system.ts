/** Checks of the system itself. */

import { type Finding, missing, ok, warning } from "./finding.js";

const LEAST_LINUX = "5.4";
/** Darwin 21 is macOS 12. */
const LEAST_DARWIN = "21.0";
const LEAST_NODE = "20.17";
/** A relayed connection uses about four; a busy desktop has a thousand connections open. */
const FEW_DESCRIPTORS = 8_192;

export function kernelFinding(platform: NodeJS.Platform, release: string): Finding {
  if (platform === "linux") {
    return isAtLeast(release, LEAST_LINUX)
      ? ok("kernel", `Linux ${release}`)
      : missing("kernel", `Linux ${release} is older than ${LEAST_LINUX}`, "Boot a newer kernel.");
  }
  if (platform === "darwin") {
    return isAtLeast(release, LEAST_DARWIN)
      ? ok("kernel", `macOS, Darwin ${release}`)
      : missing("kernel", `Darwin ${release} is older than macOS 12`, "Update macOS.");
  }
  return missing("kernel", `Oximy cannot redirect on ${platform}`, "Use: oximy proxy");
}

export function nodeFinding(version: string): Finding {
  return isAtLeast(version, LEAST_NODE)
    ? ok("node", `Node ${version}`)
    : missing("node", `Node ${version} is older than ${LEAST_NODE}`, "Install a newer Node.");
}

export function rootFinding(uid: number | undefined): Finding {
  return uid === 0
    ? ok("root", "running as root")
    : warning(
        "root",
        "not running as root: oximy local needs it, and some checks were skipped",
        "Run: sudo oximy doctor   (oximy proxy and oximy run need no root)",
      );
}

export function descriptorFinding(limit: number): Finding {
  return limit >= FEW_DESCRIPTORS
    ? ok("descriptors", `${limit} may be open`)
    : warning(
        "descriptors",
        `only ${limit} may be open; beyond a fraction of that, new connections are not captured`,
        `Raise the limit before starting: ulimit -n ${FEW_DESCRIPTORS * 8}`,
      );
}

/** Compares the leading numbers of two versions, such as `v20.20.2` or `6.1.0-18-amd64`. */
function isAtLeast(version: string, least: string): boolean {
  const [major = 0, minor = 0] = numbers(version);
  const [leastMajor = 0, leastMinor = 0] = numbers(least);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

const numbers = (version: string): number[] => (version.match(/\d+/g) ?? []).map(Number);
