/** Where the variables of a user's sessions are set, and the text that does so. Pure. */

import { join } from "node:path";
import type { Tool } from "./trust-store.js";

export type Variables = Readonly<Record<string, string>>;

export interface SessionPlace {
  /** Below a user's home. */
  readonly path: string;
  /** The whole file. */
  text(variables: Variables): string;
  /** Makes it effective immediately; empty where it takes effect at the next login. */
  set(variables: Variables): readonly Tool[];
  unset(variables: Variables): readonly Tool[];
}

/** In every file that we create: one without it is not ours, and is left alone. */
export const MARK = "Made by Oximy (oximy ca install); oximy ca uninstall removes it.";

/** Undefined where no such place is known. */
export function sessionPlace(
  home: string,
  platform: NodeJS.Platform = process.platform,
): SessionPlace | undefined {
  if (platform === "linux") return environmentD(home);
  return platform === "darwin" ? launchAgent(home) : undefined;
}

/**
 * environment.d(5): read by systemd's user manager when it starts, at the first login, and passed on to everything that
 * it starts: the services and the desktop of the user, and the terminals in it.
 */
function environmentD(home: string): SessionPlace {
  return {
    path: join(home, ".config/environment.d/50-oximy.conf"),
    text: (variables) =>
      [`# ${MARK}`, ...entries(variables).map(([name, value]) => `${name}="${quoted(value)}"`), ""].join(
        "\n",
      ),
    set: () => [],
    unset: () => [],
  };
}

/** As in double quotes of a shell; a doubled dollar sign is one (systemd, src/basic/env-util.c, replace_env_full). */
const quoted = (value: string): string =>
  value.replace(/["\\`$]/g, (sign) => (sign === "$" ? "$$" : `\\${sign}`));

const LAUNCHCTL = "/bin/launchctl";
const LABEL = "com.oximy.environment";

/** launchd.plist(5), launchctl(1): such variables apply to everything that the user's launchd starts, until logout. */
function launchAgent(home: string): SessionPlace {
  return {
    path: join(home, `Library/LaunchAgents/${LABEL}.plist`),
    text: (variables) => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- ${MARK} -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LABEL}</string>
  <key>RunAtLoad</key>
  <true/>
  <key>ProgramArguments</key>
  <array>
    <string>/bin/sh</string>
    <string>-c</string>
    <string>${xml(entries(variables).map(setenv).join("; "))}</string>
  </array>
</dict>
</plist>
`,
    set: (variables) =>
      entries(variables).map(([name, value]) => ({ file: LAUNCHCTL, args: ["setenv", name, value] })),
    unset: (variables) => entries(variables).map(([name]) => ({ file: LAUNCHCTL, args: ["unsetenv", name] })),
  };
}

/** Required for a launchctl command by root to apply to a user's session. */
export const inSessionOf = (uid: number, { file, args }: Tool): Tool => ({
  file: LAUNCHCTL,
  args: ["asuser", String(uid), file, ...args],
});

const entries = (variables: Variables) => Object.entries(variables);
const setenv = ([name, value]: [string, string]) =>
  `${LAUNCHCTL} setenv ${name} '${value.replaceAll("'", "'\\''")}'`;
const xml = (text: string) =>
  text.replace(/[&<>]/g, (sign) => (sign === "&" ? "&amp;" : sign === "<" ? "&lt;" : "&gt;"));
