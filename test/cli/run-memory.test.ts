import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MAIN } from "../built-oximy.js";
import { temporaryFolder } from "../temporary-folder.js";
import { runToEnd } from "./oximy.js";

/** Nobody on the machine has this number. */
const USER = { uid: 23_456, gid: 23_457 } as const;
/** A start of ours on a busy machine. */
const LIMIT_MS = 100_000;

/** What the command sees of the process that runs it, and of itself. */
const LOOK = `
  stat -c 'ours %u' /proc/$PPID/mem
  cat /proc/$PPID/environ >/dev/null 2>&1 && echo readable || echo refused
  stat -c 'own %u' /proc/$$/mem
  ulimit -Hc
`;

test.skipIf(process.platform !== "linux" || process.getuid?.() !== 0).each([
  { name: "holds secrets: nobody but root looks into it", options: [], ours: "0", look: "refused" },
  { name: "reads nothing: it is a process as any", options: ["--no-read"], ours: "23456", look: "readable" },
])("`oximy run` that $name", { timeout: LIMIT_MS }, async ({ options, ours, look }) => {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  const home = join(folder, "home");
  mkdirSync(home);
  chownSync(home, USER.uid, USER.gid);
  const limit = await runToEnd("sh", ["-c", "ulimit -Hc"], USER);
  const { code, stdout, stderr } = await runToEnd(
    process.execPath,
    [
      MAIN,
      "run",
      ...options,
      "--bundle-file",
      join(import.meta.dirname, "../../data/oisp-bundle.json"),
      "--",
      "sh",
      "-c",
      LOOK,
    ],
    { ...USER, timeout: LIMIT_MS, env: { PATH: process.env.PATH, HOME: home, TMPDIR: home } },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  // Its memory is root's; that of the command, and its limit of core dumps, are as they were.
  expect(stdout).toBe(`ours ${ours}\n${look}\nown ${USER.uid}\n${limit.stdout}`);
});
