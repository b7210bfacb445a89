import { spawn } from "node:child_process";
import fs from "node:fs";
import { setPriority } from "node:os";
import { OximyError } from "../errors.js";
import { SEARCH_EXECUTABLES, sitesAddon } from "./native.js";
import { parseAnswer, type SearchAnswer } from "./search-answer.js";
import type { SitesOfFile } from "./site.js";

export interface SearchOptions {
  /** After as many milliseconds the search is killed. */
  readonly timeoutMs: number;
  /**
   * As nice(1) counts; that of this process when absent, for a moment, since a server's answer is held until the search is
   * over.
   */
  readonly priority?: number;
  /** What the code must be for: that of this process, unless a test says else. */
  readonly machine?: string;
}

/** With whose rights a path is opened. */
export interface FileUser {
  readonly uid: number;
  readonly gid: number;
}

/** After as many milliseconds no connection waits any more: what users start shall not go before all else for longer. */
const HASTE_MS = 300;
/** An answer is a few lines; what writes more is not ours any more. */
const LONGEST_ANSWER = 64 * 1024;

/**
 * Searches the executable file that is open as `fd` for sites, in a process without privileges, and checks what it says
 * against the file. Never rejects for what is in the file.
 *
 * @throws OximyError OXIMY_E_NATIVE_MISSING when oximy-sites was not built
 */
export async function searchSites(fd: number, options: SearchOptions): Promise<SitesOfFile> {
  const { machine = process.arch } = options;
  return checked(fd, await runSearch([], [fd], options), machine);
}

/**
 * The same of a path, opened by the search itself with the rights of a user: the file system behind it may be that user's
 * own and never answer. Not checked: root has not opened the file.
 */
export function searchPath(path: string, user: FileUser, options: SearchOptions): Promise<SearchAnswer> {
  return runSearch([String(user.uid), String(user.gid), path], [], options);
}

/** What of an answer holds: all of it, or nothing. */
export function checked(fd: number, answer: SearchAnswer, machine: string): SitesOfFile {
  const { result } = answer;
  if (result.kind !== "found") return result;
  if (answer.machine !== undefined && answer.machine !== machine) {
    return { kind: "none", reason: "code for another machine" };
  }
  if (
    sitesAddon()
      .checkSites(fd, machine, result.sites)
      .every((holds) => holds)
  )
    return result;
  return { kind: "failed", reason: "what the search found does not hold" };
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
      if (text.length > LONGEST_ANSWER) stop("the search gave an answer that is none");
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
    // It has ended, or priorities cannot be changed here.
  }
}
