import { utimesSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { createUserNames, parsePasswd } from "../../src/attribution/user-names.js";
import { temporaryFolder } from "../temporary-folder.js";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});

test("the first line of a uid gives its name, and broken lines give none", () => {
  expect([
    ...parsePasswd("root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:\n# no\n\nana:x:501:20::/:\nx:y:z\n"),
  ]).toEqual([
    [0, "root"],
    [501, "ana"],
  ]);
});

test("users are read again when the file has changed", () => {
  const passwd = join(folder, "passwd");
  writeFileSync(passwd, "ana:x:70501:20::/:\n");
  const users = createUserNames(passwd, {});
  expect([users.nameOf(70501), users.uidOf("ana"), users.nameOf(70502)]).toEqual(["ana", 70501, undefined]);
  writeFileSync(passwd, "ana:x:70501:20::/:\nbob:x:70502:20::/:\n");
  utimesSync(passwd, 1, 1);
  expect(users.nameOf(70502)).toBe("bob");
});

test("without the file, this process's user and the one that called sudo have names", () => {
  const users = createUserNames(join(folder, "none"), { SUDO_UID: "70501", SUDO_USER: "ana" });
  expect(users.nameOf(70501)).toBe("ana");
  expect(users.nameOf(userInfo().uid)).toBe(userInfo().username);
});
