import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";

export interface RunOptions {
  /** User to run as; defaults to the calling one. */
  readonly uid?: number;
  /** Primary group to run as; defaults to `uid`. */
  readonly gid?: number;
  /** Variables in addition to PATH, HOME and LANG, which are all that is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface ExecOptions extends RunOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  /** Milliseconds until the process is killed; default 15,000. */
  readonly timeout?: number;
}

export interface ExecResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running process of the lab. It collects its output, so that late readers miss nothing. */
export class LabProcess {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves when the process has ended and its output is complete. */
  readonly exited: Promise<ExecResult>;
  stdout = "";
  stderr = "";

  constructor(command: string, args: readonly string[], options: RunOptions) {
    const { PATH = "/usr/bin:/bin", HOME = "/root" } = process.env;
    this.child = spawn(command, args, {
      cwd: options.cwd,
      env: { PATH, HOME, LANG: "C.UTF-8", ...options.env },
    });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    // A process that ends early does not read its input; its exit code shows why.
    this.child.stdin.on("error", () => {});
    this.exited = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }));
    });
    // Callers that do not await the exit must not cause an unhandled rejection.
    this.exited.catch(() => {});
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The first match in standard output, now or later. Rejects when the process ends without one. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const match = pattern.exec(this.stdout);
        if (match === null) return;
        this.child.stdout.off("data", check);
        resolve(match);
      };
      this.child.stdout.on("data", check);
      this.exited.then(
        () =>
          reject(
            new Error(
              `ended without printing ${pattern}: ${this.stdout.slice(-2000)}${this.stderr.slice(-2000)}`,
            ),
          ),
        reject,
      );
      check();
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Kills the process if it is still running, and waits for its end. */
  async stop(): Promise<ExecResult> {
    this.kill("SIGKILL");
    return this.exited;
  }
}
