import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import type { Lab } from "./lab.js";
import type { LabProcess, RunOptions } from "./lab-process.js";
import { LabNamespace } from "./namespace.js";

/** Executables by their command names. */
const PROGRAMS = ["node", "curl", "wget", "openssl", "gnutls-cli", "perl", "ruby", "php", "java"];

/** Executables that are only started by another, or by their path. */
const FILES = [
  "/usr/bin/python3",
  "/usr/lib/git-core/git-remote-http",
  "/usr/lib/chromium/chromium",
  "/usr/lib/firefox-esr/firefox-esr",
];

/** Libraries that speak TLS or hold its secrets. */
const LIBRARY = /^lib(ssl|crypto|gnutls|nss3|nssutil3|ssl3|softokn3|freebl3|freeblpriv3|xul)\.so(\.\d+)*$/;
const LIBRARY_FOLDERS = [
  ...["x86_64", "aarch64"].map((machine) => `/usr/lib/${machine}-linux-gnu`),
  "/usr/lib/firefox-esr",
];

/** The files that are copied for the lab, by their real paths, as far as they are installed here. */
export function copiedFiles(): string[] {
  const libraries = LIBRARY_FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => LIBRARY.test(name))
      .map((name) => join(folder, name)),
  );
  const installed = [...programs(), ...FILES, ...libraries].filter((path) => existsSync(path));
  return [...new Set(installed.map((path) => realpathSync(path)))].sort();
}

function programs(): string[] {
  const find = 'for name; do command -v "$name" || :; done';
  return execFileSync("sh", ["-c", find, "sh", ...PROGRAMS], { encoding: "utf8" }).split("\n");
}

/** A bind mount in the lab's machine, in addition to the copies. */
export interface Overlay {
  readonly from: string;
  readonly over: string;
}

/**
 * From here on, everything in the lab's machine runs from copies of the executables and TLS libraries: a probe belongs
 * to an inode and affects every process of the computer that maps it, so it must not be placed in the computer's own
 * files. Servers of the lab's internet, and processes started earlier, use the computer's.
 */
export async function usePrivateCopies(lab: Lab, overlays: readonly Overlay[] = []): Promise<void> {
  const folder = join(lab.dir, "copies");
  mkdirSync(folder);
  const copies = copiedFiles().map((over, index) => {
    const from = join(folder, `${index}-${basename(over)}`);
    copyFileSync(over, from); // including its mode
    return { from, over };
  });
  const mounts = [...copies, ...overlays].map(({ from, over }) => `mount --bind ${from} ${over}`);
  // The mounts exist as long as this process, which ends with the lab.
  const holder = lab.machine.spawn("sh", [
    "-ec",
    [...mounts, "echo mounted; exec sleep infinity"].join("\n"),
  ]);
  await holder.printed(/mounted/);
  const machine = new PrivateMachine(lab.machine.name, holder.pid);
  // Everything that uses the lab starts its programs there.
  Object.defineProperty(lab, "machine", { value: machine, enumerable: true });
}

/** The lab's machine, with every process in the mount namespace of one of its processes. */
class PrivateMachine extends LabNamespace {
  private readonly holder: number;

  constructor(name: string, holder: number) {
    super(name);
    this.holder = holder;
  }

  override spawn(command: string, args: readonly string[], options: RunOptions = {}): LabProcess {
    const { uid, gid = uid, cwd, ...others } = options;
    const user = uid === undefined ? [] : [`--reuid=${uid}`];
    const group = gid === undefined ? [] : [`--regid=${gid}`, "--clear-groups"];
    const changed = user.length + group.length > 0 ? ["setpriv", ...user, ...group] : [];
    // Entering a mount namespace changes to its root, and needs root's rights: folder and user are set afterwards.
    const enter = ["nsenter", `--mount=/proc/${this.holder}/ns/mnt`];
    const [first, ...rest] = [
      ...enter,
      "env",
      `--chdir=${cwd ?? process.cwd()}`,
      ...changed,
      command,
      ...args,
    ];
    return super.spawn(first!, rest, others);
  }
}
