import { spawn } from "node:child_process";
import fs from "node:fs";
import { setPriority } from "node:os";
import { OximyError } from "../errors.js";
import { SEARCH_EXECUTABLES, sitesAddon } from "./native.js";
import { parseAnswer, type SearchAnswer } from "./search-answer.js";
import type { SitesOfFile } from "./site.js";

export interface SearchOptions {
  /** The search is killed after this many milliseconds. */
  readonly timeoutMs: number;
  /**
   * Nice value; when absent, the search runs at this process's priority for `HASTE_MS`, since a server's answer is held
   * until it finishes.
   */
  readonly priority?: number;
  /** Required architecture of the code; defaults to this process's. Set by tests. */
  readonly machine?: string;
}

/** User whose permissions are used to open a path. */
export interface FileUser {
  readonly uid: number;
  readonly gid: number;
}

/** After this many milliseconds no connection is waiting, and searches caused by users lose their high priority. */
const HASTE_MS = 300;
/** An answer is a few lines; a longer one means that the search is compromised. */
const LONGEST_ANSWER = 64 * 1024;

/**
 * Searches the executable file open as `fd` for sites, in an unprivileged process, and verifies its answer against the
 * file. Never rejects because of the file's content.
 *
 * @throws OximyError OXIMY_E_NATIVE_MISSING when oximy-sites was not built
 */
export async function searchSites(fd: number, options: SearchOptions): Promise<SitesOfFile> {
  const { machine = process.arch } = options;
  return checked(fd, await runSearch([], [fd], options), machine);
}

/**
 * Searches a path that the search process itself opens with a user's permissions: its file system may be the user's own
 * and block forever. The answer is not verified, since root has not opened the file.
 */
export function searchPath(path: string, user: FileUser, options: SearchOptions): Promise<SearchAnswer> {
  return runSearch([String(user.uid), String(user.gid), path], [], options);
}

/** Verifies an answer: it is accepted in full or rejected. */
export function checked(fd: number, answer: SearchAnswer, machine: string): SitesOfFile {
  const { result } = answer;
  if (result.kind !== "found") return result;
  if (answer.machine !== undefined && answer.machine !== machine) {
    return { kind: "none", reason: "built for another architecture" };
  }
  if (
    sitesAddon()
      .checkSites(fd, machine, result.sites)
      .every((holds) => holds)
  )
    return result;
  return { kind: "failed", reason: "the sites found could not be verified" };
}

function searchExecutable(): string {
  const executable = SEARCH_EXECUTABLES.find((file) => fs.existsSync(file));
  if (executable !== undefined) return executable;
  throw new OximyError(
    "OXIMY_E_NATIVE_MISSING",
    `the executable that searches programs for TLS stacks is missing. Looked for:\n  ${SEARCH_EXECUTABLES.join("\n  ")}`,
    "Run `npm run build:native` in Oximy's folder (it needs a C++17 compiler and cmake or make).",
  );
}

function runSearch(
  args: readonly string[],
  files: readonly number[],
  { timeoutMs, priority }: SearchOptions,
): Promise<SearchAnswer> {
  const failed = (reason: string): SearchAnswer => ({ result: { kind: "failed", reason } });
  const executable = searchExecutable();
  return new Promise((resolve) => {
    const child = spawn(executable, args, {
      stdio: ["ignore", "pipe", "ignore", ...files],
      env: {},
      cwd: "/",
    });
    const settle = () => setPriorityOf(child.pid, priority ?? 0);
    if (priority !== undefined) settle();
    const patience = priority === undefined ? setTimeout(settle, HASTE_MS) : undefined;
    let text = "";
    let broken: string | undefined;
    const stop = (reason: string): void => {
      broken ??= reason;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => stop("the search took too long"), timeoutMs);
    child.stdout?.setEncoding("latin1").on("data", (more: string) => {
      text += more;
      if (text.length > LONGEST_ANSWER) stop("the search returned an invalid answer");
    });
    child.once("error", (error) => {
      clearTimeout(timer);
      clearTimeout(patience);
      resolve(failed(`the search could not be started: ${error.message}`));
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      clearTimeout(patience);
      if (broken !== undefined) resolve(failed(broken));
      else if (code === 0) resolve(parseAnswer(text));
      else resolve(failed(`the search ended with ${signal ?? code}`));
    });
  });
}

function setPriorityOf(pid: number | undefined, priority: number): void {
  try {
    if (pid !== undefined) setPriority(pid, priority);
  } catch {
    // It has ended, or priorities cannot be changed.
  }
}
