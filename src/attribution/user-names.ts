import { readFileSync, statSync } from "node:fs";
import { userInfo } from "node:os";

export interface UserNames {
  nameOf(uid: number): string | undefined;
  uidOf(name: string): number | undefined;
}

/**
 * Names of users from /etc/passwd (passwd(5)), read again when it changes. Directory services (LDAP, macOS
 * Open Directory) are not asked: of their users only this process's own and the one that called sudo are known.
 */
export function createUserNames(passwdPath = "/etc/passwd", environment = process.env): UserNames {
  const own = ownUsers(environment);
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
    nameOf: (uid) => current().get(uid),
    uidOf: (name) => [...current()].find((user) => user[1] === name)?.[0],
  };
}

/** The first line of a uid counts, as for getpwuid(3). */
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
    // A uid without any entry (common in containers) has no name.
  }
  const { SUDO_UID: uid, SUDO_USER: name } = environment;
  if (uid && name && /^\d+$/.test(uid)) users.set(Number(uid), name);
  return users;
}
