import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";

/** A command-line tool that is talked to over its standard streams. */
export class Tool {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly closed: Promise<unknown>;
  private output = "";
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly command: string,
    args: readonly string[],
  ) {
    this.child = spawn(command, args, { stdio: "pipe" });
    this.closed = once(this.child, "close");
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding("latin1").on("data", (text: string) => {
        this.output += text;
        this.wake();
      });
    }
    this.child.stdin.on("error", () => {});
    this.child.on("close", () => this.wake());
  }

  type(text: string): void {
    this.child.stdin.write(text, "latin1");
  }

  /** Waits until the tool has printed what fits, after what was waited for before; answers the match. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) {
        this.output = this.output.slice(match.index + match[0].length);
        return match;
      }
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`${this.command} ended without ${pattern}:\n${this.output}`);
      }
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  async ended(): Promise<void> {
    await this.closed;
  }

  async stop(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.closed;
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}
