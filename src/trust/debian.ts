import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { anchorStore } from "./anchor-folder.js";
import type { TrustStore } from "./trust-store.js";

const LINKS = "/etc/ssl/certs";

const store = anchorStore({
  id: "debian",
  folder: "/usr/local/share/ca-certificates",
  extension: "crt",
  refresh: ["update-ca-certificates"],
  bundle: `${LINKS}/ca-certificates.crt`,
  getTool: "apt-get install ca-certificates",
});

/**
 * Debian, Ubuntu, Alpine. update-ca-certificates(8): files in this folder must end in .crt. Where nothing else changes,
 * it leaves the links to a file that is gone: NAME.pem, and one by its hash that leads to that.
 */
export const debian: TrustStore = {
  ...store,
  remove: (entry) => [
    ...linksTo(entry).map((link) => ({ kind: "delete", path: join(LINKS, link) }) as const),
    ...store.remove(entry),
  ],
};

function linksTo(entry: string): string[] {
  const targets = [join(store.location, entry), entry.replace(/crt$/, "pem")];
  return namesIn(LINKS).filter((name) => targets.includes(targetOf(join(LINKS, name)) ?? ""));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // no link
  }
}
