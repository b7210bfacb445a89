/** A lab in which clients of three users call without end, while something happens to Oximy or to the machine. */

import {
  chownSync,
  closeSync,
  copyFileSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLab, type Lab } from "../../../lab/lab.js";
import type { ExecResult, LabProcess } from "../../../lab/lab-process.js";
import { usePrivateCopies } from "../../../lab/private-copies.js";
import { ECHO_SERVER } from "../echo-server.js";
import { CALLER, LabOximy, makeHome, spawnOximy, stateFolderOf, sudoEnvironment } from "../oximy.js";
import { oursIn, type Role } from "./ours.js";

/** Known to the bundle, so that it is read or intercepted; and one that is passed through. */
export const KNOWN = "api.openai.com";
export const OTHER = "news.example";
const USERS = [23_501, 23_502, 23_503] as const;
export const CLIENTS = 50;
const LIBFAKETIME = ["x86_64", "aarch64"].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`,
);

/** What the clients of a user have come to: see clients.mjs. */
export interface Tally {
  readonly whole: number;
  /** Calls that ended early, by the error. */
  readonly cut: Readonly<Record<string, number>>;
  readonly late: number;
  readonly corrupt: readonly string[];
}

/** What a lab has that a run of Oximy must leave as it was. */
interface Traces {
  readonly pids: readonly number[];
  readonly sockets: string;
  readonly files: readonly string[];
  readonly rules: readonly string[];
}

export class ChaosLab {
  oximy: LabOximy | undefined;
  private exit: ExecResult | undefined;
  /** Whether the present run reads. */
  reads = false;
  /** How often it was started. */
  starts = 0;
  /** What each run but the present one had to say at its end. */
  readonly ends: string[] = [];
  private clients: LabProcess[] = [];
  /** Bytes of whole lines, by the file's number. */
  private readonly linesRead = new Map<number, number>();
  private programs = 0;

  private constructor(
    readonly lab: Lab,
    readonly home: string,
    private readonly backend: string,
    /** Any process of the lab's machine: leads to its mounts. */
    private readonly holder: LabProcess,
    private readonly prober: LabProcess,
    private readonly before: Traces,
  ) {}

  /** @param megabytes of the disk that events are written to */
  static async start(backend: string, seed: number, megabytes: number): Promise<ChaosLab> {
    const lab = await createLab();
    try {
      await usePrivateCopies(lab);
      await lab.addServerOf(ECHO_SERVER, { names: [KNOWN] });
      await lab.addServerOf(ECHO_SERVER, { names: [OTHER] });
      const home = makeHome();
      const { uid, gid } = CALLER;
      // Both are seen by nobody else, and go with the lab.
      const mounts = `mkdir -p /run/oximy
        mount -t tmpfs -o size=${megabytes}m,mode=700,uid=${uid},gid=${gid} tmpfs ${home}
        mount -t tmpfs -o mode=700 tmpfs /run/oximy`;
      expectDone(await lab.machine.exec("sh", ["-ec", mounts]));
      expectDone(await spawnOximy(lab, ["ca", "path"], { env: sudoEnvironment(home) }).exited);
      lab.trust(readFileSync(join(stateFolderOf(home), "ca/oximy-ca-cert.pem"), "utf8"));
      for (const name of ["clients.mjs", "prober.mjs"])
        copyFileSync(fileURLToPath(new URL(name, import.meta.url)), join(lab.dir, name));
      const holder = lab.machine.spawn("sleep", ["infinity"]);
      const prober = spawnClient(lab, 23_599, "prober.mjs", [KNOWN, OTHER]);
      const before = tracesOf(lab, holder.pid, (await rulesOf(lab)).all);
      const chaos = new ChaosLab(lab, home, backend, holder, prober, before);
      await chaos.restart();
      const share = Math.floor(CLIENTS / USERS.length);
      chaos.clients = USERS.map((user, index) => {
        const count = index === 0 ? CLIENTS - share * (USERS.length - 1) : share;
        return spawnClient(lab, user, "clients.mjs", [String(seed + index), String(count), KNOWN, OTHER]);
      });
      return chaos;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  get clockFile(): string {
    return join(this.lab.dir, "clock");
  }

  /** Seconds that the clock of our processes is off, where they began with `clock: "own"`. */
  setClock(seconds: number): void {
    writeFileSync(this.clockFile, `${seconds < 0 ? "" : "+"}${seconds}\n`);
  }

  static get libfaketime(): string | undefined {
    return LIBFAKETIME.find((file) => {
      try {
        return readFileSync(file).length > 0;
      } catch {
        return false;
      }
    });
  }

  /** Reads secrets or intercepts, in turns. */
  async restart(clock: "own" | "machine" = "machine"): Promise<void> {
    this.reads = this.starts++ % 2 === 1;
    this.setClock(0);
    const env: Record<string, string> =
      clock === "own"
        ? {
            LD_PRELOAD: ChaosLab.libfaketime!,
            FAKETIME_TIMESTAMP_FILE: this.clockFile,
            FAKETIME_CACHE_DURATION: "1",
            FAKETIME_DONT_FAKE_MONOTONIC: "1",
            FAKETIME_DISABLE_SHM: "1",
          }
        : {};
    const args = ["--redirect", this.backend, "--no-include-raw", ...(this.reads ? [] : ["--no-read"])];
    this.exit = undefined;
    const oximy = await LabOximy.startIn(this.lab, this.home, args, env);
    this.oximy = oximy;
    void oximy.process.exited.then((exit) => {
      this.exit = exit;
      this.ends.push(exit.stderr);
    });
  }

  get hasEnded(): boolean {
    return this.exit !== undefined;
  }

  ours(role: Role): number[] {
    return oursIn(this.lab.machine)
      .filter((one) => one.role === role)
      .map(({ pid }) => pid);
  }

  /** Milliseconds from `since` (epoch ms) until a new connection to each host brought an answer. */
  async worksSince(since: number): Promise<number> {
    const answers = () => this.prober.stdout.split("\n").length;
    const before = answers();
    this.prober.child.stdin.write(`${since}\n`);
    await this.prober.printed(new RegExp(`^(.*\\n){${before}}`));
    const taken = JSON.parse(this.prober.stdout.split("\n")[before - 1]!) as Record<string, number>;
    return Math.max(...Object.values(taken));
  }

  /** A program with a TLS stack that makes one call, from an executable that nobody has seen. */
  newProgram(): { hasEnded(): boolean; end(): Promise<unknown> } {
    const file = join(this.lab.dir, `program-${this.programs++}`);
    copyFileSync(process.execPath, file);
    // The build id of a file that is root's would be believed, and nothing searched.
    chownSync(file, USERS[0], USERS[0]);
    const call = `fetch("https://${KNOWN}/").then((answer) => answer.text()).catch(() => {})`;
    const running = this.lab.machine.spawn(file, ["-e", call], { uid: USERS[0], cwd: "/" });
    let ended = false;
    void running.exited.then(() => {
      ended = true;
    });
    return {
      hasEnded: () => ended,
      end: async () => {
        await running.stop();
        rmSync(file);
      },
    };
  }

  async tallies(): Promise<Tally[]> {
    return Promise.all(
      this.clients.map(async (client) => {
        const before = client.stdout.split("\n").length;
        client.child.stdin.write("\n");
        await client.printed(new RegExp(`^(.*\\n){${before}}`));
        return JSON.parse(client.stdout.split("\n")[before - 1]!) as Tally;
      }),
    );
  }

  /** The lines that were ended since it was asked last, in the event files of all runs. */
  newLines(): string[] {
    const folder = join(`/proc/${this.holder.pid}/root`, this.home, "traces");
    return readdirSync(folder)
      .filter((name) => name.endsWith(".jsonl"))
      .flatMap((name) => this.newLinesOf(join(folder, name)));
  }

  private newLinesOf(path: string): string[] {
    // One that is closed gets another name.
    const file = openSync(path, "r");
    try {
      const { ino, size } = fstatSync(file);
      const from = this.linesRead.get(ino) ?? 0;
      const bytes = Buffer.alloc(size - from);
      const read = bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from));
      const whole = read.subarray(0, read.lastIndexOf("\n") + 1);
      this.linesRead.set(ino, from + whole.length);
      return whole.toString("utf8").split("\n").slice(0, -1);
    } finally {
      closeSync(file);
    }
  }

  async isRedirected(): Promise<boolean> {
    return (await rulesOf(this.lab)).redirect;
  }

  async endClients(): Promise<void> {
    for (const client of this.clients) client.child.stdin.end();
    await Promise.all(this.clients.map((client) => client.exited));
    this.clients = [];
  }

  /** What is there that was not before the first start. Connections of clients must have ended. */
  async left(): Promise<Traces> {
    const now = tracesOf(this.lab, this.holder.pid, (await rulesOf(this.lab)).ours);
    return {
      pids: now.pids.filter((pid) => !this.before.pids.includes(pid)),
      sockets: now.sockets === this.before.sockets ? "" : now.sockets,
      files: now.files,
      rules: now.rules,
    };
  }

  /** What Oximy said in this run and those before. */
  get printed(): string {
    return [...this.ends, this.hasEnded ? "" : (this.oximy?.process.stderr ?? "")].join("");
  }

  close(): Promise<void> {
    return this.lab.close();
  }
}

function spawnClient(lab: Lab, uid: number, program: string, args: readonly string[]): LabProcess {
  return lab.machine.spawn("node", [join(lab.dir, program), ...args], {
    uid,
    env: { NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt" },
  });
}

function tracesOf(lab: Lab, holder: number, rules: readonly string[]): Traces {
  const inNamespace = (file: string) =>
    readFileSync(`/proc/${holder}/net/${file}`, "utf8").split("\n").slice(1);
  const listening = ["tcp", "tcp6"].flatMap(inNamespace).filter((line) => / 0A /.test(line));
  const udp = ["udp", "udp6"].flatMap(inNamespace).filter(Boolean);
  const unix = inNamespace("unix").filter((line) => /[/@]/.test(line));
  return {
    pids: lab.machine.pids(),
    sockets: [...listening, ...udp, ...unix].join("\n"),
    files: readdirSync(`/proc/${holder}/root/run/oximy`),
    rules,
  };
}

async function rulesOf(lab: Lab): Promise<{ redirect: boolean; ours: string[]; all: string[] }> {
  const script = "nft list ruleset; iptables-save; ip6tables-save";
  const { stdout } = await lab.machine.exec("sh", ["-c", script]);
  const all = stdout.split("\n");
  const ours = all.filter((line) => /oximy/i.test(line));
  const redirect = ours.some((line) => /^table inet oximy \{|-A OUTPUT -p tcp -j OXIMY_OUT/.test(line));
  return { redirect, ours, all };
}

export function expectDone({ code, stderr }: ExecResult): void {
  if (code !== 0) throw new Error(`ended with ${code}: ${stderr}`);
}
