/** The domains that hold all hosts of a bundle that can be read: what a CA is constrained to that signs for no more. */

import type { Bundle } from "./bundle.js";
import { createHostIndex } from "./host-index.js";
import { splitHostPort } from "./host-name.js";

/** Any port: a name is asked for by itself. */
const PORTS = [443, 80];

/** Lower-cased, without a domain that lies below another one of them. Addresses and names of this machine are left out. */
export function readableDomains(bundle: Bundle): string[] {
  const index = createHostIndex(bundle);
  const named = [
    ...bundle.hosts.keys(),
    ...[...bundle.websites, ...bundle.apps].flatMap(({ hosts, features }) =>
      features.length > 0 ? hosts : [],
    ),
  ].flatMap((entry) => splitHostPort(entry)?.host.replace(/^\*\./, "") ?? []);
  const ofFamilies = named.filter((host) => PORTS.some((port) => index.knows(host, port))).flatMap(familyOf);
  const all = new Set([
    ...named,
    ...bundle.patterns.flatMap(({ source }) => domainOf(source)),
    ...ofFamilies,
  ]);
  return [...all]
    .filter(isDomain)
    .filter((name) => !parentsOf(name).some((parent) => all.has(parent)))
    .sort();
}

/** Cloud services with a host per region (region-families.ts) have all of them below one of these. */
const FAMILY_DOMAINS = ["amazonaws.com", "amazonaws.com.cn", "googleapis.com"];
const familyOf = (host: string) => FAMILY_DOMAINS.filter((domain) => host.endsWith(`.${domain}`));

/** What stands fixed at the end of a pattern: `*-aiplatform.googleapis.com` is held by `googleapis.com`. */
function domainOf(source: string): string[] {
  const plain = source
    .toLowerCase()
    .replaceAll("\\", "")
    .replace(/:\d+\$?$/, "")
    .replace(/\$$/, "");
  const fixed = /[a-z0-9.-]*$/.exec(plain)?.[0] ?? "";
  const domain = fixed === plain.replace(/^\^/, "") ? fixed : fixed.slice(fixed.indexOf(".") + 1);
  return domain.includes(".") ? [domain] : [];
}

const isDomain = (name: string) => /[a-z]/.test(name.slice(name.lastIndexOf(".") + 1)) && name.includes(".");

function parentsOf(name: string): string[] {
  const labels = name.split(".");
  return labels.slice(1, -1).map((_, index) => labels.slice(index + 1).join("."));
}
