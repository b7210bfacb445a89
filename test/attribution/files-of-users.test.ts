import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { loadNative } from "../../src/attribution/native.js";
import { createProcessTree } from "../../src/attribution/process-tree.js";
import { isRoot, NOBODY, type Started, start } from "../native/clients.js";
import { temporaryFolder } from "../temporary-folder.js";

const native = loadNative();

describe.skipIf(native.implementation !== "linux" || !isRoot)("the package of a user's script", () => {
  const folder = temporaryFolder();
  const tail = realpathSync(execFileSync("which", ["tail"], { encoding: "utf8" }).trim());
  /** Runs for as long as it is wanted, and looks like an interpreter with a script. */
  const interpreter = join(folder, "node");
  beforeAll(() => {
    chmodSync(folder, 0o755);
    copyFileSync(tail, interpreter);
  });

  const put = (path: string, text: string, mode = 0o644) => {
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  const packageNameOf = async (process: Started) => {
    await process.line(); // the script's own text: the program runs
    const owner = await createProcessTree(native).describe(process.pid);
    expect(owner?.process.script).toBe("script.js");
    return owner?.process.packageName;
  };

  it.each<{ name: string; packageJson: (path: string) => void; expected: string | undefined }>([
    { name: "a file", packageJson: (path) => put(path, '{"name":"own"}'), expected: "own" },
    {
      name: "a file that the user may not read",
      packageJson: (path) => put(path, '{"name":"of-root"}', 0o600),
      expected: undefined,
    },
    {
      name: "a link to a file of root",
      packageJson: (path) => symlinkSync(put(join(folder, "secret"), '{"name":"of-root"}', 0o600), path),
      expected: undefined,
    },
    {
      name: "a link to a file that the user may read",
      packageJson: (path) => symlinkSync(put(join(folder, "public"), '{"name":"linked"}'), path),
      expected: "linked",
    },
    {
      name: "a link to a device",
      packageJson: (path) => symlinkSync("/dev/zero", path),
      expected: undefined,
    },
    { name: "a pipe", packageJson: (path) => execFileSync("mkfifo", [path]), expected: undefined },
    { name: "a folder", packageJson: (path) => mkdirSync(path), expected: undefined },
  ])("is read as the user would: $name", async ({ name, packageJson, expected }) => {
    const project = join(folder, name.replaceAll(" ", "-"));
    mkdirSync(project, { mode: 0o755 });
    const script = put(join(project, "script.js"), "runs\n");
    packageJson(join(project, "package.json"));
    await using process = start(interpreter, ["-f", script], { uid: NOBODY, gid: NOBODY });
    expect(await packageNameOf(process)).toBe(expected);
  });

  it("is looked for below the process's root: an absolute link there is not the machine's", async () => {
    const jail = join(folder, "jail");
    for (const name of ["", "project", "outside"]) mkdirSync(join(jail, name), { mode: 0o755 });
    mkdirSync(join(folder, "machine"), { mode: 0o755 });
    put(join(folder, "machine/package.json"), '{"name":"of-the-machine"}');
    symlinkSync(join(folder, "machine/package.json"), join(jail, "project/package.json"));
    put(join(jail, "package.json"), '{"name":"of-the-jail"}');
    copyFileSync(tail, join(jail, "node"));
    put(join(jail, "project/script.js"), "runs\n");
    const binds = ["lib", "lib64", "usr"].map(
      (name) => `mkdir -p ${jail}/${name}; mount --rbind /${name} ${jail}/${name}`,
    );
    const shell = `set -e; ${binds.join("; ")}; exec chroot ${jail} /node -f /project/script.js`;
    await using process = start("unshare", ["--mount", "--propagation", "private", "sh", "-c", shell]);
    expect(await packageNameOf(process)).toBe("of-the-jail");
  });
});
