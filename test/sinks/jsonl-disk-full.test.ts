import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";

const WRITER = fileURLToPath(new URL("./write-to-full-disk.ts", import.meta.url));
/** The mount is seen by nobody else and goes with the process. */
const IN_SMALL_DISK = 'mount -t tmpfs -o size=700k tmpfs "$1" && exec "$2" --import tsx "$3" "$1"';

const canMount = spawnSync("unshare", ["-m", "true"]).status === 0;

test.skipIf(!canMount)("a full disk loses no event: they wait, in order, until there is room", () => {
  const run = spawnSync(
    "unshare",
    ["-m", "sh", "-c", IN_SMALL_DISK, "sh", temporaryFolder(), process.execPath, WRITER],
    { encoding: "utf8", timeout: 15_000 },
  );
  expect(run.stderr).toBe("");
  const { full, told, ids, end } = JSON.parse(run.stdout);
  expect(full.queued).toBeGreaterThan(0);
  expect(full.written + full.queued).toBe(40);
  expect(ids).toEqual(Array.from({ length: 41 }, (_, n) => String(n)));
  expect(end).toEqual({ written: 41, queued: 0, lost: 0 });
  expect(told).toHaveLength(2);
  expect(told[0]).toContain("ENOSPC");
});
