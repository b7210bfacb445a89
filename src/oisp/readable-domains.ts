/** The domains that cover all readable hosts of a bundle, for the name constraints of a CA. */

import type { Bundle } from "./bundle.js";
import { createHostIndex } from "./host-index.js";
import { splitHostPort } from "./host-name.js";

/** Ports do not matter: certificates are for names. */
const PORTS = [443, 80];

/** Lower-cased, without domains below another one in the list. Addresses and names of this machine are excluded. */
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

/** Parent domains of the cloud services with a host per region (region-families.ts). */
const FAMILY_DOMAINS = ["amazonaws.com", "amazonaws.com.cn", "googleapis.com"];
const familyOf = (host: string) => FAMILY_DOMAINS.filter((domain) => host.endsWith(`.${domain}`));

/** The fixed domain at the end of a pattern: `googleapis.com` for `*-aiplatform.googleapis.com`. */
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
