import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { findAccount, findInvokingUser } from "../../src/user/invoking-user.js";
import { OXIMY_GID } from "../../src/user/settings.js";

const PASSWD = `# comment
root:x:0:0:root:/root:/bin/bash
daemon:*:1:1::/usr/sbin:/usr/sbin/nologin
ana:x:1000:1001:Ana,,,:/home/ana:/bin/zsh

broken:line
+::::::
nohome:x:1002:1002:::/bin/sh
`;
const isRoot = process.getuid?.() === 0;

describe("an account", () => {
  test.each([
    [0, { user: "root", uid: 0, gid: 0, home: "/root" }],
    [1000, { user: "ana", uid: 1000, gid: 1001, home: "/home/ana" }],
    [1001, undefined],
    [1002, undefined],
  ])("of uid %i is %o", (uid, account) => {
    expect(findAccount(PASSWD, uid)).toEqual(account);
  });
});

describe("the invoking user", () => {
  test("is this process's own user when nobody called sudo", () => {
    const { uid, gid, username } = userInfo();
    expect(findInvokingUser({ HOME: "/elsewhere" })).toEqual({
      uid,
      gid,
      user: username,
      home: "/elsewhere",
    });
  });

  test.runIf(isRoot)("under sudo is who called it, with that account's home and not root's", () => {
    const nobody = findAccount(readFileSync("/etc/passwd", "utf8"), 65534)!;
    const env = { SUDO_UID: "65534", SUDO_GID: String(nobody.gid), SUDO_USER: "whoever", HOME: "/root" };
    expect(findInvokingUser(env)).toEqual({
      uid: 65534,
      gid: nobody.gid,
      user: nobody.user,
      home: nobody.home,
    });
  });

  test.runIf(isRoot)("of an account that nothing knows has the name that sudo gave, and no home", () => {
    const env = { SUDO_UID: "54321", SUDO_GID: "54321", SUDO_USER: "ghost", HOME: "/root" };
    expect(findInvokingUser(env)).toEqual({ uid: 54321, gid: 54321, user: "ghost", home: "/" });
  });

  test.runIf(isRoot).each(["", "-1", "1e3", "0x0", "1000; rm"])("is not read from %j", (SUDO_UID) => {
    expect(findInvokingUser({ SUDO_UID, HOME: "/root" }).uid).toBe(0);
  });

  test.runIf(isRoot)("is taken on for good: root cannot come back, and new sockets carry our group", () => {
    const program = fileURLToPath(new URL("become-invoking-user.ts", import.meta.url));
    const env = { PATH: process.env.PATH, SUDO_UID: "65534" };
    const printed = execFileSync(process.execPath, ["--import", "tsx", program], { env, encoding: "utf8" });
    expect(JSON.parse(printed)).toEqual({
      uids: [65534, 65534],
      gids: [OXIMY_GID, OXIMY_GID],
      rootGroup: false,
      rootAgain: "EPERM",
    });
  });
});
