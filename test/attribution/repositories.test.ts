import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { Repositories, repositoryOf } from "../../src/attribution/repositories.js";
import type { Owner, ProcessIdentity } from "../../src/connection/client.js";
import { temporaryFolder } from "../temporary-folder.js";

let root: string;
beforeEach(() => {
  root = temporaryFolder();
});

function put(path: string, text: string): void {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), text);
}

describe("a folder's repository", () => {
  test.each<[string, string, string | undefined]>([
    ["its branch", "ref: refs/heads/main\n", "main"],
    ["a branch with slashes", "ref: refs/heads/fix/the-test\n", "fix/the-test"],
    ["no branch, when a commit is checked out", `${"0".repeat(40)}\n`, undefined],
    ["no branch whose name steers a terminal", "ref: refs/heads/a\x1b[2J\n", undefined],
  ])("is the nearest above it, with %s", async (_, head, branch) => {
    put(".git/HEAD", "ref: refs/heads/outer\n");
    put("shop/.git/HEAD", head);
    put("shop/src/deep/file", "");
    const repository = { root: join(root, "shop"), ...(branch && { branch }) };
    expect(await repositoryOf(join(root, "shop/src/deep"))).toEqual(repository);
  });

  test("is the worktree whose file names its place", async () => {
    put("main/.git/worktrees/fix/HEAD", "ref: refs/heads/fix\n");
    put("fix/.git", "gitdir: ../main/.git/worktrees/fix\n");
    expect(await repositoryOf(join(root, "fix"))).toEqual({ root: join(root, "fix"), branch: "fix" });
  });

  test.each<[string, () => void]>([
    [
      "a link in the place of .git",
      () => {
        put("elsewhere/HEAD", "ref: refs/heads/x\n");
        symlinkSync(join(root, "elsewhere"), join(root, ".git"));
      },
    ],
    [
      "a link in the place of HEAD",
      () => {
        put("secret", "ref: refs/heads/secret\n");
        mkdirSync(join(root, ".git"));
        symlinkSync(join(root, "secret"), join(root, ".git/HEAD"));
      },
    ],
    ["a folder without HEAD", () => mkdirSync(join(root, ".git"))],
    ["a file that is no worktree's", () => put(".git", "something else")],
    ["a HEAD that is too long", () => put(".git/HEAD", "ref: refs/heads/x\n".padEnd(5000))],
    ["nothing", () => {}],
  ])("is none with %s", async (_, prepare) => {
    prepare();
    expect(await repositoryOf(root)).toBeUndefined();
  });
});

describe("what is known of a process", () => {
  const uid = process.geteuid!();
  const owner = (fields: Partial<ProcessIdentity> = {}): Owner => ({
    kind: "process",
    process: { pid: 1, uid, cwd: "/work", seesOurFiles: true, ...fields },
    ancestors: [],
  });

  test("is there when it was found, and looked for again when it is old", async () => {
    let now = 0;
    let branch = "main";
    const repositories = new Repositories(
      async () => ({ root: "/work", branch }),
      () => now,
    );
    expect(repositories.of(owner())).toBeUndefined();
    await repositories.settled();
    branch = "fix";
    expect(repositories.of(owner())).toEqual({ root: "/work", branch: "main" });
    now = 60_000;
    repositories.of(owner());
    await repositories.settled();
    expect(repositories.of(owner())).toEqual({ root: "/work", branch: "fix" });
  });

  test("is nothing for what is not ours to read", async () => {
    const asked: string[] = [];
    const repositories = new Repositories(async (folder) => {
      asked.push(folder);
      return undefined;
    });
    repositories.of(owner({ uid: uid + 1 }));
    repositories.of({ kind: "process", process: { pid: 1, uid, cwd: "/work" }, ancestors: [] });
    repositories.of({ kind: "unknown", reason: "no_socket" });
    await repositories.settled();
    expect(asked).toEqual([]);
  });

  test("two folders that do not answer hold up no third place of the pool", async () => {
    let asked = 0;
    const repositories = new Repositories(() => {
      asked += 1;
      return new Promise(() => {});
    });
    for (const cwd of ["/a", "/b", "/c", "/a"]) repositories.of(owner({ cwd }));
    expect(asked).toBe(2);
  });
});
