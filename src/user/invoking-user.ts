/** The user who called sudo: owner of the files, and the identity under which untrusted bytes are read. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface InvokingUser {
  readonly uid: number;
  readonly gid: number;
  /** Login name; absent when the uid has none. */
  readonly user?: string;
  readonly home: string;
}

interface Account {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** /etc/passwd format: name:password:uid:gid:gecos:home:shell. */
export function findAccount(passwd: string, uid: number): Account | undefined {
  for (const line of passwd.split("\n")) {
    const [user, , id, gid, , home] = line.split(":");
    if (user && home && Number(id) === uid && id !== "") return { user, uid, gid: Number(gid), home };
  }
  return undefined;
}

function account(uid: number): Account | undefined {
  try {
    // Accounts of a directory service are not in the file, but getent finds them. macOS has no getent.
    const local = findAccount(readFileSync("/etc/passwd", "utf8"), uid);
    if (local || process.platform === "darwin") return local;
    return findAccount(execFileSync("getent", ["passwd", String(uid)], { encoding: "utf8" }), uid);
  } catch {
    return undefined;
  }
}

/**
 * Home of a macOS user: user accounts are not in /etc/passwd there. /Search includes the directories that this Mac is
 * bound to, `.` only its local accounts.
 */
export function macHome(user: string, dscl = "/usr/bin/dscl"): string | undefined {
  try {
    const answer = execFileSync(dscl, ["/Search", "-read", `/Users/${user}`, "NFSHomeDirectory"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    // A value that contains a space is on a line of its own.
    return /^NFSHomeDirectory:\s*(\S.*)/m.exec(answer)?.[1]?.trim();
  } catch {
    return undefined;
  }
}

const idOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;

/** The user who called sudo, else this process's own user. */
export function findInvokingUser(env: NodeJS.ProcessEnv = process.env): InvokingUser {
  const ownUid = process.getuid?.() ?? 0;
  const sudoUid = ownUid === 0 ? idOf(env.SUDO_UID) : undefined;
  const uid = sudoUid ?? ownUid;
  const known = account(uid);
  const gid = (sudoUid === undefined ? process.getgid?.() : idOf(env.SUDO_GID)) ?? known?.gid ?? uid;
  const user = known?.user ?? (sudoUid === undefined ? undefined : env.SUDO_USER);
  const macUserHome = process.platform === "darwin" && user ? macHome(user) : undefined;
  const ownHome = sudoUid === undefined ? env.HOME : undefined;
  const home = ownHome ?? known?.home ?? macUserHome ?? "/";
  return user === undefined ? { uid, gid, home } : { uid, gid, user, home };
}

/**
 * Drops root for good: takes the invoking user's uid and groups, and `primaryGid` as primary group, which every socket
 * created from then on has. If the invoking user is root, only the group changes.
 */
export function becomeInvokingUser(invokingUser: InvokingUser, primaryGid: number): void {
  if (invokingUser.uid !== 0) takeGroupsOf(invokingUser);
  process.setgid?.(primaryGid);
  if (invokingUser.uid !== 0) process.setuid?.(invokingUser.uid);
}

function takeGroupsOf(invokingUser: InvokingUser): void {
  // Missing in @types/node.
  const { initgroups } = process as { initgroups?: (user: string, group: number) => void };
  if (invokingUser.user !== undefined) initgroups?.(invokingUser.user, invokingUser.gid);
  else process.setgroups?.([invokingUser.gid]);
}

/**
 * For commands that do not need root: with sudo they behave as without it. Files in a home are under its owner's
 * control, so they are opened with that owner's rights only.
 */
export function giveRootUp(
  invokingUser: InvokingUser = findInvokingUser(),
  env: NodeJS.ProcessEnv = process.env,
): void {
  if (process.getuid?.() !== 0 || invokingUser.uid === 0) return;
  becomeInvokingUser(invokingUser, invokingUser.gid);
  env.HOME = invokingUser.home; // sudo's is root's
}

/**
 * Does something with the invoking user's uid and groups, then becomes root again: files it creates belong to that
 * user, and files that user may not read are not read. It affects the whole process, so nothing else may run meanwhile.
 */
export function asInvokingUser<T>(invokingUser: InvokingUser, make: () => T): T {
  if (process.geteuid?.() !== 0 || invokingUser.uid === 0) return make();
  const groups = process.getgroups?.() ?? [];
  const gid = process.getegid?.() ?? 0;
  takeGroupsOf(invokingUser);
  process.setegid?.(invokingUser.gid);
  process.seteuid?.(invokingUser.uid);
  const beRoot = () => {
    process.seteuid?.(0);
    process.setegid?.(gid);
    process.setgroups?.(groups);
  };
  let made: T;
  try {
    made = make();
  } catch (error) {
    beRoot();
    throw error;
  }
  if (made instanceof Promise) return made.finally(beRoot) as T;
  beRoot();
  return made;
}
