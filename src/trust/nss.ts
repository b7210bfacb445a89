import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { TrustStore } from "./trust-store.js";

/** An NSS database, which belongs to one user. certutil(1). `C,,`: trusted to issue TLS server certificates only. */
export function nssStore(id: "chromium" | "firefox", database: string): TrustStore {
  const at = ["-d", `sql:${database}`];
  return {
    id,
    location: database,
    owner: "user",
    advice:
      "Install certutil: apt-get install libnss3-tools (Fedora: nss-tools, Arch: nss, openSUSE: mozilla-nss-tools)",
    listing: { kind: "tool", file: "certutil", args: [...at, "-L"], names: nicknames },
    install: ({ name, pem }) => [
      { kind: "run", file: "certutil", args: [...at, "-A", "-a", "-t", "C,,", "-n", name], input: pem },
    ],
    remove: (nickname) => [{ kind: "run", file: "certutil", args: [...at, "-D", "-n", nickname] }],
  };
}

/** Lines of `certutil -L`: the nickname, then its trust, such as `C,,`. */
function nicknames(output: string): string[] {
  return output
    .split("\n")
    .flatMap((line) => /^(.*\S)\s+[a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*\s*$/.exec(line)?.[1] ?? []);
}

/** The folders with an NSS database (cert9.db, NSS 3.35) below `home`; `*` stands for any one folder. */
export function findDatabases(home: string, patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) =>
    pattern
      .split("/")
      .reduce<string[]>(
        (folders, segment) =>
          segment === "*" ? folders.flatMap(subfolders) : folders.map((folder) => join(folder, segment)),
        [home],
      )
      .filter((folder) => existsSync(join(folder, "cert9.db"))),
  );
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(folder, name))
      .sort();
  } catch {
    return []; // the program is not installed, or its folder is not readable
  }
}
