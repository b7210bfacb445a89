/** The trust stores of this machine and of the calling user. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { arch } from "./arch.js";
import { chromiumStores } from "./chromium.js";
import { debian } from "./debian.js";
import { fedora } from "./fedora.js";
import { firefoxStores } from "./firefox.js";
import { javaStore } from "./java.js";
import { macos } from "./macos.js";
import { opensuse } from "./opensuse.js";
import { isExecutable, toolPath } from "./tool-path.js";
import type { TrustStore } from "./trust-store.js";

/** Debian's folder comes last: others may have such a local folder too. */
const DISTRIBUTIONS = [fedora, arch, opensuse, debian];

/** The system's store comes first: Debian fills Java's from it. */
export function findStores(home: string, env: NodeJS.ProcessEnv = process.env): TrustStore[] {
  const java = findKeytool(env).map(javaStore);
  if (process.platform === "darwin") return [macos, ...java];
  const system = DISTRIBUTIONS.filter(({ location }) => existsSync(location)).slice(0, 1);
  return [...system, ...chromiumStores(home), ...firefoxStores(home), ...java];
}

/** The keytool of the Java in use: one or none. */
export function findKeytool(
  { JAVA_HOME, PATH }: NodeJS.ProcessEnv,
  macJavaHome: (() => string | undefined) | undefined = process.platform === "darwin"
    ? queryJavaHome
    : undefined,
): string[] {
  const ofHome = JAVA_HOME === undefined ? [] : [join(JAVA_HOME, "bin/keytool")].filter(isExecutable);
  const found = ofHome[0] ?? (macJavaHome ? macKeytool(macJavaHome, PATH) : toolPath("keytool", PATH));
  return found === undefined ? [] : [found];
}

/** /usr/bin/keytool of macOS always exists; without a Java it only prints that there is none, and exits with 1. */
function macKeytool(javaHome: () => string | undefined, path = ""): string | undefined {
  const folders = path.split(":").filter((folder) => folder !== "/usr/bin");
  const ofPath = folders.map((folder) => join(folder, "keytool")).find(isExecutable);
  const home = ofPath === undefined ? javaHome() : undefined;
  return ofPath ?? (home === undefined ? undefined : [join(home, "bin/keytool")].find(isExecutable));
}

/** java_home(1): the home of the Java in use; exits with 1 where there is none. */
function queryJavaHome(): string | undefined {
  try {
    const stdio: ["ignore", "pipe", "ignore"] = ["ignore", "pipe", "ignore"];
    return execFileSync("/usr/libexec/java_home", { encoding: "utf8", stdio }).trim() || undefined;
  } catch {
    return undefined;
  }
}
