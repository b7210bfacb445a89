/** Stand-ins for `security`, `keytool` and `dscl` that behave as those of macOS where that matters. */

import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../temporary-folder.js";

export function executable(path: string, lines: string): string {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** The stub that macOS has where there is no Java. */
export const NO_JAVA =
  "echo 'The operation couldn’t be completed. Unable to locate a Java Runtime.' >&2; exit 1";

/**
 * A `security` that adds a certificate to its keychain (a file of hashes) first and sets trust after, for which it asks
 * somebody at the screen: without anybody the certificate stays, and the command fails.
 */
export function security(atScreen: "somebody" | "nobody", hash: string): { path: string; calls: string } {
  const folder = temporaryFolder();
  const path = executable(
    join(folder, "security"),
    `cd "${folder}" || exit 1
echo "$*" >>calls
case $1 in
find-certificate) [ ! -e keychain ] || printf 'SHA-256 hash: %s\\nSHA-1 hash: 01\\n' "$(cat keychain)" ;;
add-trusted-cert)
  echo ${hash} >keychain
  [ ${atScreen} = somebody ] || {
    echo 'SecTrustSettingsSetTrustSettings: The authorization was denied since no user interaction was possible.' >&2
    exit 1; }
  : >trusted ;;
verify-cert) [ -e trusted ] || exit 1 ;;
delete-certificate) rm -f keychain trusted ;;
esac`,
  );
  return { path, calls: join(folder, "calls") };
}
