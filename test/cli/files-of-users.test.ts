import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { addCaptureOptions, captureSettings } from "../../src/cli/capture-options.js";
import { asInvokingUser, findInvokingUser } from "../../src/user/invoking-user.js";
import { MAIN } from "../built-oximy.js";
import { temporaryFolder } from "../temporary-folder.js";
import { runToEnd } from "./oximy.js";

const NOBODY = 65_534;
/** A command of ours on a busy machine. */
const LIMIT_MS = 100_000;
const SECRET = "root-line-of-a-file";

/** A user who calls sudo, whose home has in it what the user put there. */
describe.skipIf(process.getuid?.() !== 0)("root in the home of a caller", () => {
  let folder: string;
  let home: string;
  let ofRoot: string;
  beforeEach(() => {
    folder = temporaryFolder();
    chmodSync(folder, 0o755);
    home = join(folder, "home");
    mkdirSync(home, { mode: 0o755 });
    chownSync(home, NOBODY, NOBODY);
    ofRoot = join(folder, "of-root");
    mkdirSync(ofRoot, { mode: 0o700 });
  });
  const SUDO = { SUDO_UID: String(NOBODY), SUDO_GID: String(NOBODY) };
  const sudo = (...args: string[]) =>
    runToEnd(process.execPath, [MAIN, ...args], {
      env: { PATH: process.env.PATH, ...SUDO, OXIMY_HOME: join(home, ".oximy") },
      timeout: LIMIT_MS,
    });
  const ownFolder = () => {
    mkdirSync(join(home, ".oximy"));
    chownSync(join(home, ".oximy"), NOBODY, NOBODY);
    return join(home, ".oximy");
  };

  test.each<{ name: string; put: (path: string) => void; why: RegExp }>([
    {
      name: "a link to a file of root",
      put: (path) => {
        writeFileSync(join(ofRoot, "secret"), SECRET);
        symlinkSync(join(ofRoot, "secret"), path);
      },
      why: /config\.json is a link, or not a regular file/,
    },
    {
      name: "a pipe",
      put: (path) => void execFileSync("mkfifo", ["-m", "666", path]),
      why: /not a regular file/,
    },
    { name: "a device", put: (path) => symlinkSync("/dev/zero", path), why: /not a regular file/ },
    {
      name: "more than a configuration can have",
      put: (path) => writeFileSync(path, " ".repeat(100_000)),
      why: /not a regular file of at most 64 KB/,
    },
    {
      name: "a file of root's group, which the caller may not read",
      put: (path) => {
        writeFileSync(path, SECRET);
        chmodSync(path, 0o640);
      },
      why: /EACCES/,
    },
  ])("does not read a configuration that is $name", ({ put, why }) => {
    const own = ownFolder();
    put(join(own, "config.json"));
    for (const [name, value] of Object.entries(SUDO)) vi.stubEnv(name, value);
    try {
      const read = () => captureSettings(addCaptureOptions(new Command()), own);
      expect(read).toThrow(why);
      expect(read).not.toThrow(SECRET);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test(
    "deletes no file of root's through a folder that is a link",
    async () => {
      writeFileSync(join(ofRoot, "pins.json"), "{}");
      symlinkSync(ofRoot, join(home, ".oximy"));
      expect((await sudo("pins", "clear")).code).toBe(1);
      expect(existsSync(join(ofRoot, "pins.json"))).toBe(true);
    },
    LIMIT_MS,
  );

  test("does not wait for a pipe in the place of what was learned", async () => {
    execFileSync("mkfifo", ["-m", "666", join(ownFolder(), "pins.json")]);
    expect(await sudo("pins")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Nothing was learned/),
    });
  });

  test("has the caller's groups and no other, and its own again after", () => {
    const invokingUser = findInvokingUser({ SUDO_UID: String(NOBODY), SUDO_GID: String(NOBODY) });
    const file = join(folder, "for-the-group-of-root");
    writeFileSync(file, SECRET, { mode: 0o640 });
    const groups = process.getgroups?.();
    expect(() => asInvokingUser(invokingUser, () => readFileSync(file))).toThrow(/EACCES/);
    expect(process.getgroups?.()).toEqual(groups);
    expect([process.geteuid?.(), process.getegid?.()]).toEqual([0, 0]);
    expect(readFileSync(file, "utf8")).toBe(SECRET);
  });
});
