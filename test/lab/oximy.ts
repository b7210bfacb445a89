import { chownSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Lab } from "../../lab/lab.js";
import type { ExecResult, LabProcess, RunOptions } from "../../lab/lab-process.js";
import type { OximyEvent } from "../../src/event/event.js";
import { keepPrinted, MAIN } from "../built-oximy.js";
import { temporaryFolder } from "../temporary-folder.js";

export { MAIN };
export const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/** The user who "called sudo" in the lab. Nobody on the machine has this number. */
export const CALLER = { uid: 23_456, gid: 23_457 } as const;

/** A folder that stands for `~/.oximy`, owned by the caller. */
export function makeHome(): string {
  const home = temporaryFolder();
  chownSync(home, CALLER.uid, CALLER.gid);
  return home;
}

const stateFolders = new Map<string, string>();

/** Root's, which stands for `/var/lib/oximy`; one for each home. */
export function stateFolderOf(home: string): string {
  const folder = stateFolders.get(home) ?? temporaryFolder();
  stateFolders.set(home, folder);
  return folder;
}

export const sudoEnvironment = (home: string): Record<string, string> => ({
  OXIMY_HOME: home,
  OXIMY_STATE_DIR: stateFolderOf(home),
  SUDO_UID: String(CALLER.uid),
  SUDO_GID: String(CALLER.gid),
  // The published bundle cannot be reached from the lab; what comes with the program is used at once.
  OXIMY_BUNDLE_FILE: join(PROJECT, "data/oisp-bundle.json"),
});

/** Which Node oximy runs on; OXIMY_LAB_NODE=EXECUTABLE asks for another one. */
const NODE = process.env.OXIMY_LAB_NODE ?? "node";

/** Starts oximy in the lab's machine. */
export function spawnOximy(lab: Lab, args: readonly string[], options: RunOptions): LabProcess {
  const started = lab.machine.spawn(NODE, [MAIN, ...args], options);
  keepPrinted(started.child);
  return started;
}

/** A running `oximy local` in the lab's machine. */
export class LabOximy {
  private constructor(
    readonly lab: Lab,
    readonly home: string,
    readonly process: LabProcess,
  ) {}

  /**
   * Starts it as root and waits until it captures. It has a certificate, and reads no secrets: probes count for the
   * whole computer, so that only tests whose programs run from private copies may place them (`startReading`).
   */
  static async start(
    lab: Lab,
    args: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<LabOximy> {
    const home = makeHome();
    await spawnOximy(lab, ["ca", "path"], { env: sudoEnvironment(home) }).exited;
    return LabOximy.startIn(lab, home, ["--no-read", ...args], env);
  }

  /** With no certificate, as on the first day. The lab's programs must run from private copies. */
  static startReading(
    lab: Lab,
    args: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<LabOximy> {
    return LabOximy.startIn(lab, makeHome(), args, env);
  }

  /** In an empty home, or in that of a run before. */
  static async startIn(
    lab: Lab,
    home: string,
    args: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<LabOximy> {
    const process = spawnOximy(lab, ["local", "--json", ...args], {
      env: { ...sudoEnvironment(home), ...env },
    });
    const oximy = new LabOximy(lab, home, process);
    await oximy.logged(/Capturing AI traffic/);
    return oximy;
  }

  get certificate(): string {
    return join(stateFolderOf(this.home), "ca/oximy-ca-cert.pem");
  }

  /** Waits for a line of its log. Rejects when it ends without. */
  logged(pattern: RegExp): Promise<void> {
    const { stderr } = this.process.child;
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!pattern.test(this.process.stderr)) return;
        stderr.off("data", look);
        resolve();
      };
      stderr.on("data", look);
      this.process.exited.then(
        ({ code, stderr }) => reject(new Error(`oximy ended with ${code}: ${stderr}`)),
        reject,
      );
      look();
    });
  }

  /** All events in its files, in order. */
  get events(): OximyEvent[] {
    const folder = join(this.home, "traces");
    return readdirSync(folder)
      .sort()
      .flatMap((file) => readFileSync(join(folder, file), "utf8").split("\n").filter(Boolean))
      .map((line) => JSON.parse(line) as OximyEvent);
  }

  /** Waits until `total` events were printed on its feed, which comes after they were written. */
  async captured(total: number): Promise<OximyEvent[]> {
    await this.process.printed(new RegExp(`^(.*\\n){${total}}`));
    return this.events;
  }

  /** Pid of the unprivileged proxy process. */
  get proxyPid(): number {
    return this.childPid("proxy-process");
  }

  /** Pid of a child by the program that it runs. */
  childPid(program: string): number {
    const children = readFileSync(`/proc/${this.process.pid}/task/${this.process.pid}/children`, "utf8")
      .trim()
      .split(" ");
    return Number(children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(program)));
  }

  /** Ends it as Ctrl-C does. */
  async stop(): Promise<ExecResult> {
    this.process.kill("SIGINT");
    return this.process.exited;
  }
}

/** How capture may end, given the supervisor's command and the proxy's pid. */
export const ENDS: readonly [string, (oximy: LabOximy, proxy: number) => void][] = [
  ["SIGINT", (oximy) => oximy.process.kill("SIGINT")],
  ["SIGKILL to the supervisor", (oximy) => oximy.process.kill("SIGKILL")],
  ["SIGKILL to the proxy", (_, proxy) => process.kill(proxy, "SIGKILL")],
  [
    "SIGKILL to both",
    (oximy, proxy) => {
      oximy.process.kill("SIGKILL");
      process.kill(proxy, "SIGKILL");
    },
  ],
];
