import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CliRun, runToEnd } from "../cli/oximy.js";
import { temporaryFolder } from "../temporary-folder.js";

export const ANA = 4242;

/** What tools may write to. All of it is a copy for whoever runs in the namespace. */
const COPIED = ["/etc/ssl", "/usr/local/share/ca-certificates"];

/**
 * A machine whose trust stores are copies: commands run as root in a mount namespace, where a user ana has a home.
 * The namespace goes with each command.
 */
export class OwnMachine {
  readonly folder = temporaryFolder();
  readonly home = join(this.folder, "home");
  /** Root's. */
  readonly state = join(this.folder, "state");
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
    // `oximy uninstall` would stop a service of the real machine's.
    binds.push(`[ ! -d /etc/systemd/system ] || mount --bind ${noHooks} /etc/systemd/system`);
    this.prepare = ["set -e", ...binds, `mount --bind ${passwd} /etc/passwd`].join("\n");
  }

  run(command: readonly string[], env: Record<string, string> = {}): Promise<CliRun> {
    const script = `${this.prepare}\nexec "$@"`;
    const args = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", ...command];
    const clean = { PATH: process.env.PATH, HOME: "/root", OXIMY_STATE_DIR: this.state, ...env };
    return runToEnd("unshare", args, { env: clean, timeout: 180_000 });
  }

  /** As ana herself, or as root whom she called with sudo. */
  asAna(command: readonly string[], way: "herself" | "sudo" = "herself"): Promise<CliRun> {
    if (way === "sudo")
      return this.run(command, { SUDO_UID: `${ANA}`, SUDO_GID: `${ANA}`, SUDO_USER: "ana" });
    const become = ["setpriv", `--reuid=${ANA}`, `--regid=${ANA}`, "--clear-groups"];
    return this.run([...become, ...command], { HOME: this.home });
  }
}
