/** Files searched for sites at startup, so that common programs are read from their first call. */

import { readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";

const LIBRARY = /^lib(ssl|gnutls|freeblpriv3)\.so(\.\d+)?$/;
const LIBRARY_FOLDERS = [
  ...["x86_64", "aarch64"].map((machine) => `/usr/lib/${machine}-linux-gnu`), // Debian
  "/usr/lib64", // Fedora, openSUSE
  "/usr/lib", // Arch, Alpine
  "/usr/lib/firefox",
  "/usr/lib/firefox-esr",
  "/opt/firefox",
];

/** Interpreters with a built-in TLS stack, agents and browsers, under the names they are installed by. */
const EXECUTABLES = [
  ...["node", "nodejs", "bun", "deno", "claude", "codex", "opencode", "crush", "ollama", "lms"].flatMap(
    (name) => ["/usr/bin", "/usr/local/bin"].map((folder) => join(folder, name)),
  ),
  "/usr/lib/chromium/chromium",
  "/opt/google/chrome/chrome",
  "/opt/microsoft/msedge/msedge",
  "/opt/brave.com/brave/brave",
  "/usr/share/code/code",
  "/usr/share/cursor/cursor",
];

/** Real paths of those installed, without duplicates. */
export function commonStacks(): string[] {
  const libraries = LIBRARY_FOLDERS.flatMap((folder) =>
    list(folder)
      .filter((name) => LIBRARY.test(name))
      .map((name) => join(folder, name)),
  );
  return [...new Set([...libraries, ...EXECUTABLES].flatMap((path) => real(path) ?? []))];
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not on this system
  }
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // not installed
  }
}
