import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { userInfo } from "node:os";

export interface UserNames {
  nameOf(uid: number): string | undefined;
  uidOf(name: string): number | undefined;
}

/**
 * Names of users from /etc/passwd (passwd(5)), read again when it changes. Personal accounts on macOS are not in that
 * file: each requested one is looked up once with `id`. Elsewhere directory services (LDAP) are not queried: of their
 * users only this process's own and the one that called sudo are known.
 */
export function createUserNames(
  passwdPath = "/etc/passwd",
  environment = process.env,
  id = process.platform === "darwin" ? "/usr/bin/id" : undefined,
): UserNames {
  const own = ownUsers(environment);
  const queried = new Map<string, string | undefined>();
  const query = (option: "-u" | "-un", user: string): string | undefined => {
    if (id === undefined || user.startsWith("-")) return undefined;
    const key = `${option} ${user}`;
    if (!queried.has(key)) queried.set(key, answerOf(id, option, user));
    return queried.get(key);
  };
  let readAt: number | undefined;
  let users = own;

  const current = (): ReadonlyMap<number, string> => {
    const modifiedAt = statSync(passwdPath, { throwIfNoEntry: false })?.mtimeMs;
    if (modifiedAt !== undefined && modifiedAt !== readAt) {
      users = new Map([...own, ...parsePasswd(readFileSync(passwdPath, "utf8"))]);
      readAt = modifiedAt;
    }
    return users;
  };

  return {
    nameOf: (uid) => current().get(uid) ?? query("-un", String(uid)),
    uidOf: (name) => {
      const listed = [...current()].find((user) => user[1] === name)?.[0];
      if (listed !== undefined || /^\d/.test(name)) return listed;
      const answer = query("-u", name);
      return answer !== undefined && /^\d+$/.test(answer) ? Number(answer) : undefined;
    },
  };
}

/** id(1) exits with 1 for an unknown user. */
function answerOf(id: string, option: string, user: string): string | undefined {
  try {
    const stdio: ["ignore", "pipe", "ignore"] = ["ignore", "pipe", "ignore"];
    const answer = execFileSync(id, [option, user], { encoding: "utf8", stdio }).trim();
    // For a uid without a name `-un` prints the number.
    return answer === "" || answer === user ? undefined : answer;
  } catch {
    return undefined;
  }
}

/** The first line of a uid is used, as in getpwuid(3). */
export function parsePasswd(text: string): Map<number, string> {
  const users = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name, , uid] = line.split(":");
    if (!name || !uid || !/^\d+$/.test(uid) || users.has(Number(uid))) continue;
    users.set(Number(uid), name);
  }
  return users;
}

function ownUsers(environment: NodeJS.ProcessEnv): Map<number, string> {
  const users = new Map<number, string>();
  try {
    const self = userInfo();
    users.set(self.uid, self.username);
  } catch {
    // A uid without an entry (common in containers) has no name.
  }
  const { SUDO_UID: uid, SUDO_USER: name } = environment;
  if (uid && name && /^\d+$/.test(uid)) users.set(Number(uid), name);
  return users;
}
