import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../temporary-folder.js";

export const ANA = 4242;

/** What tools may write to. All of it is a copy for whoever runs in the namespace. */
const COPIED = ["/etc/ssl", "/usr/local/share/ca-certificates"];

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A machine whose trust stores are copies: commands run as root in a mount namespace, where a user ana has a home.
 * The namespace goes with each command; the copies stay until the test ends.
 */
export class OwnMachine {
  readonly folder = temporaryFolder();
  readonly home = join(this.folder, "home");
  private readonly prepare: string;

  constructor() {
    chmodSync(this.folder, 0o755);
    mkdirSync(this.home, { mode: 0o755 });
    chownSync(this.home, ANA, ANA);
    const passwd = join(this.folder, "passwd");
    writeFileSync(passwd, `root:x:0:0:root:/root:/bin/sh\nana:x:${ANA}:${ANA}::${this.home}:/bin/sh\n`);
    const binds = COPIED.map((path, index) => {
      const copy = join(this.folder, `copy${index}`);
      return `[ -e ${copy} ] || cp -a ${path} ${copy}; mount --bind ${copy} ${path}`;
    });
    // No hooks: Debian's for Java would do what we are to do.
    const noHooks = join(this.folder, "hooks");
    mkdirSync(noHooks);
    const hooks = "/etc/ca-certificates/update.d";
    binds.push(`[ ! -d ${hooks} ] || mount --bind ${noHooks} ${hooks}`);
    this.prepare = ["set -e", ...binds, `mount --bind ${passwd} /etc/passwd`].join("\n");
  }

  run(command: readonly string[], env: Record<string, string> = {}): Promise<Result> {
    const script = `${this.prepare}\nexec "$@"`;
    const args = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", ...command];
    const clean = { PATH: process.env.PATH, HOME: "/root", ...env };
    return new Promise((resolve) => {
      const child = execFile("unshare", args, { env: clean, timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
      );
      child.stdin?.end();
    });
  }

  /** As ana herself, or as root whom she called with sudo. */
  asAna(command: readonly string[], way: "herself" | "sudo" = "herself"): Promise<Result> {
    if (way === "sudo")
      return this.run(command, { SUDO_UID: `${ANA}`, SUDO_GID: `${ANA}`, SUDO_USER: "ana" });
    const become = ["setpriv", `--reuid=${ANA}`, `--regid=${ANA}`, "--clear-groups"];
    return this.run([...become, ...command], { HOME: this.home });
  }
}
