import { execFileSync } from "node:child_process";
import { type ExecOptions, type ExecResult, LabProcess, type RunOptions } from "./lab-process.js";

/**
 * Runs commands in a network namespace. `ip netns exec` also mounts /etc/netns/NAME/… over /etc, and hides the
 * control groups, which a real machine has: they are mounted again. Every intermediate command replaces itself by exec,
 * so the pid seen here is the command's own.
 */
export class LabNamespace {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  spawn(command: string, args: readonly string[], options: RunOptions = {}): LabProcess {
    const { uid, gid = uid } = options;
    const user = uid === undefined ? [] : [`--reuid=${uid}`];
    const group = gid === undefined ? [] : [`--regid=${gid}`, "--clear-groups"];
    const changed = user.length + group.length > 0 ? ["setpriv", ...user, ...group] : [];
    const cgroups = 'mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null; exec "$@"';
    const enter = ["netns", "exec", this.name, "sh", "-c", cgroups, "sh"];
    return new LabProcess("ip", [...enter, ...changed, command, ...args], options);
  }

  /** All processes in it. */
  pids(): number[] {
    const lines = execFileSync("ip", ["netns", "pids", this.name], { encoding: "utf8" }).split("\n");
    return lines.filter((line) => line !== "").map(Number);
  }

  async exec(command: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const running = this.spawn(command, args, options);
    const timer = setTimeout(() => running.kill("SIGKILL"), options.timeout ?? 15_000);
    running.child.stdin.end(options.input ?? "");
    try {
      return await running.exited;
    } finally {
      clearTimeout(timer);
    }
  }
}
