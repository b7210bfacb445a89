import { type ChildProcess, type ExecFileOptions, execFile, spawn } from "node:child_process";
import { onTestFinished } from "vitest";
import { keepPrinted, MAIN } from "../built-oximy.js";
import { temporaryFolder } from "../temporary-folder.js";

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Options = Pick<ExecFileOptions, "env" | "uid" | "gid">;

/** Runs the built command line to its end, with no variables but PATH, a state folder and those given. */
export function runOximy(args: readonly string[], { env, ...options }: Options = {}): Promise<CliRun> {
  // What root makes for the machine is not for the one that runs tests.
  const own = { PATH: process.env.PATH, OXIMY_STATE_DIR: env?.OXIMY_STATE_DIR ?? temporaryFolder() };
  return runToEnd(process.execPath, [MAIN, ...args], { env: { ...own, ...env }, ...options });
}

/** Runs any command to its end that runs oximy in it. Rejects when that does not come in time. */
export function runToEnd(
  command: string,
  args: readonly string[],
  options: ExecFileOptions,
): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, [...args], { timeout: 15_000, ...options }, (error, stdout, stderr) => {
      if (error?.killed) return reject(new Error(`${error.message}\nIt did not end in time. ${stderr}`));
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout: `${stdout}`, stderr: `${stderr}` });
    });
    keepPrinted(child);
    child.stdin?.end();
  });
}

/** Starts it; it ends with the test at the latest. */
export function startOximy(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env.PATH, ...env } });
  keepPrinted(child);
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}
