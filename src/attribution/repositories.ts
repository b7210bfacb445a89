/** The git repository that a process works in, read from disk. Runs nothing, and limits what is read. */

import { lstat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Owner } from "../connection/client.js";
import { LruCache } from "../lru-cache.js";
import { systemFiles } from "./identity/file-reader.js";

export interface Repository {
  readonly root: string;
  /** Absent for a detached HEAD. */
  readonly branch?: string;
}

const MAX_DEPTH = 64;
/** HEAD and the `.git` file of a worktree contain one line. */
const MAX_FILE = 4096;
const MAX_BRANCH = 255;
const MAX_FOLDERS = 1024;
/** How long a result is valid. */
const FRESH_MS = 5_000;
/** Each lookup on a file system that does not respond occupies a thread of the pool. */
const MAX_LOOKUPS = 2;

/**
 * The repository around a folder: the nearest `.git` above it, a folder or the file of a worktree or submodule
 * (gitrepository-layout(5)). Undefined when there is none, or it is a link or no repository.
 */
export async function repositoryOf(folder: string): Promise<Repository | undefined> {
  let root = resolve(folder);
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const mark = join(root, ".git");
    const status = await lstat(mark).catch(() => undefined);
    if (status !== undefined) {
      const gitFolder = status.isDirectory() ? mark : status.isFile() ? await linkedFolder(mark) : undefined;
      const head = gitFolder && (await smallFile(join(gitFolder, "HEAD")));
      return head === undefined ? undefined : { root, ...branchOf(head) };
    }
    const parent = dirname(root);
    if (parent === root) return undefined;
    root = parent;
  }
  return undefined;
}

async function linkedFolder(file: string): Promise<string | undefined> {
  const path = /^gitdir: ([^\0\n]+)\n?$/.exec((await smallFile(file)) ?? "")?.[1];
  return path === undefined ? undefined : resolve(dirname(file), path);
}

function branchOf(head: string): { branch?: string } {
  const branch = /^ref: refs\/heads\/(.+?)\s*$/.exec(head)?.[1];
  return branch === undefined || branch.length > MAX_BRANCH || /\p{Cc}/u.test(branch) ? {} : { branch };
}

async function smallFile(path: string): Promise<string | undefined> {
  return (await systemFiles.read(path, MAX_FILE))?.toString("utf8");
}

interface Known {
  readonly repository: Repository | undefined;
  readonly at: number;
}

/** Caches results and refreshes them in the background: callers never wait. */
export class Repositories {
  private readonly known = new LruCache<string, Known>(MAX_FOLDERS);
  private readonly pending = new Map<string, Promise<void>>();

  constructor(
    private readonly find: (folder: string) => Promise<Repository | undefined> = repositoryOf,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * The result so far. Only for processes of our own user: then nothing is read that the process could not have read
   * itself.
   */
  of(owner: Owner): Repository | undefined {
    if (owner.kind !== "process") return undefined;
    const { cwd, uid, seesOurFiles } = owner.process;
    if (cwd === undefined || seesOurFiles !== true || uid !== process.geteuid?.()) return undefined;
    const known = this.known.get(cwd);
    if (known === undefined || known.at + FRESH_MS < this.now()) this.refresh(cwd);
    return known?.repository;
  }

  /** Resolves when all pending lookups are done. */
  async settled(): Promise<void> {
    await Promise.all(this.pending.values());
  }

  private refresh(cwd: string): void {
    if (this.pending.has(cwd) || this.pending.size >= MAX_LOOKUPS) return;
    const lookup = this.find(cwd)
      .catch(() => undefined)
      .then((repository) => {
        this.known.set(cwd, { repository, at: this.now() });
        this.pending.delete(cwd);
      });
    this.pending.set(cwd, lookup);
  }
}
