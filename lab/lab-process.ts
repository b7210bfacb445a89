import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";

export interface RunOptions {
  /** User to run as; the calling one when absent. */
  readonly uid?: number;
  /** Primary group to run as; `uid` when absent. */
  readonly gid?: number;
  /** Variables beside PATH, HOME and LANG, which are all that is handed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface ExecOptions extends RunOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  /** Milliseconds until the process is killed; 15,000 when absent. */
  readonly timeout?: number;
}

export interface ExecResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running process of the lab. It gathers what is printed, so that nothing is missed by who asks late. */
export class LabProcess {
  readonly child: ChildProcessWithoutNullStreams;
  /** When the process is over and its output is complete. */
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
    // A process that ended early does not read its input; its exit code tells.
    this.child.stdin.on("error", () => {});
    this.exited = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }));
    });
    // Who does not wait for the exit must not be hit by a rejection.
    this.exited.catch(() => {});
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The first match in standard output, now or later. Rejects when the process ends without. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(this.stdout);
        if (match === null) return;
        this.child.stdout.off("data", look);
        resolve(match);
      };
      this.child.stdout.on("data", look);
      this.exited.then(
        () =>
          reject(
            new Error(
              `ended without printing ${pattern}: ${this.stdout.slice(-2000)}${this.stderr.slice(-2000)}`,
            ),
          ),
        reject,
      );
      look();
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Kills the process when it still runs, and waits for its end. */
  async stop(): Promise<ExecResult> {
    this.kill("SIGKILL");
    return this.exited;
  }
}
