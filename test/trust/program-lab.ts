/** Real programs against a server with our certificate, each in a mount namespace of its own with stores that are copies. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import tls from "node:tls";
import { openCa } from "../../src/certificates/ca.js";
import { LeafIssuer } from "../../src/certificates/leaf.js";
import { loadNative } from "../../src/native/native.js";
import { searchFor } from "../../src/trust/certificate-search.js";
import { STORE_SETTLES_MS } from "../../src/trust/predict.js";
import { processFiles } from "../../src/trust/process-files.js";
import type { Program } from "../../src/trust/program.js";
import { ProgramReader } from "../../src/trust/program-reader.js";
import { temporaryFolder } from "../temporary-folder.js";
import { PROGRAMS, type Programs } from "./lab-programs.js";
import type { Row, Setting, Store } from "./program-rows.js";

const ANA = 4242;
const CERTS = "/etc/ssl/certs";
/** What a program that has ended did last arrives within that. */
const SETTLED_MS = 200;
const ROW_LIMIT_MS = 60_000;

export interface Outcome {
  readonly program: Program;
  readonly accepted: boolean;
}

export class ProgramLab {
  readonly folder = temporaryFolder();
  readonly home = this.at("home");
  readonly reader: ProgramReader;
  readonly programs: Programs;
  private readonly native = loadNative();
  private readonly ca = openCa(this.at("ca"));
  private readonly mint = new LeafIssuer(this.ca);
  private readonly server: net.Server;
  private readonly outcomes: Outcome[] = [];
  private waiting: (() => void)[] = [];
  private port = 0;

  constructor() {
    fs.chmodSync(this.folder, 0o755);
    fs.mkdirSync(this.home);
    fs.chownSync(this.home, ANA, ANA);
    const other = otherCertificate(this.folder);
    const system = fs.readFileSync(`${CERTS}/ca-certificates.crt`, "latin1");
    const write = (name: string, text: string) => fs.writeFileSync(this.at(name), text, { mode: 0o644 });
    write("ours.pem", this.ca.certificatePem);
    write("other.pem", other);
    write("bundle.pem", `${system}\n${this.ca.certificatePem}`);
    const hashed = (name: string, pem: string) => {
      fs.mkdirSync(this.at(name), { recursive: true });
      fs.writeFileSync(path.join(this.at(name), `${searchFor(pem).subjectHash}.0`), pem);
    };
    hashed("our-folder", this.ca.certificatePem);
    hashed("other-folder", other);
    for (const store of ["none", "system", "later", "java"])
      fs.cpSync(CERTS, this.at(store), { recursive: true, verbatimSymlinks: true });
    this.addToSystem("system");
    this.addToJava();
    this.reader = new ProgramReader({
      certificatePem: this.ca.certificatePem,
      certificatePath: this.at("ours.pem"),
      // What is tested is the answer, not the speed of a busy machine.
      files: processFiles(undefined, 400),
    });
    this.programs = PROGRAMS(this.folder);
    this.server = net.createServer({ pauseOnConnect: true }, (socket) => void this.accept(socket));
  }

  at(name: string): string {
    return path.join(this.folder, name);
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.port = (this.server.address() as net.AddressInfo).port;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** As update-ca-certificates does: into the bundle, and into the folder under its hash. */
  addToSystem(store: string): void {
    fs.appendFileSync(`${this.at(store)}/ca-certificates.crt`, this.ca.certificatePem);
    const { subjectHash } = searchFor(this.ca.certificatePem);
    fs.writeFileSync(`${this.at(store)}/${subjectHash}.0`, this.ca.certificatePem);
  }

  private addToJava(): void {
    const store = `${this.at("java")}/java/cacerts`;
    if (!fs.existsSync(store)) return;
    const args = ["-importcert", "-noprompt", "-alias", "ours", "-file", this.at("ours.pem")];
    spawnSync("keytool", [...args, "-keystore", store, "-storepass", "changeit"]);
  }

  /** Puts our certificate into an NSS database of ana's. */
  async addToBrowser(folder: string): Promise<void> {
    const database = `sql:${folder}`;
    const asAna = { uid: ANA, gid: ANA, stdio: "pipe" } as const;
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    execFileSync("chown", ["-R", `${ANA}:${ANA}`, folder]);
    execFileSync("certutil", ["-d", database, "-N", "--empty-password"], asAna);
    execFileSync(
      "certutil",
      ["-d", database, "-A", "-t", "C,,", "-n", "ours", "-i", this.at("ours.pem")],
      asAna,
    );
    // What starts earlier may not have it yet, as far as anybody can tell.
    await sleep(2 * STORE_SETTLES_MS);
  }

  setting(setting: Setting): string {
    if (typeof setting === "object") return setting.value;
    return this.at(setting.endsWith("folder") ? setting.replace(" ", "-") : `${setting}.pem`);
  }

  /** Runs one row's program until it was accepted or refused. */
  async run(row: Row, home: string): Promise<Outcome> {
    const program = this.programs[row.program];
    if (program === undefined || program.missing !== undefined) throw new Error(`${row.program} is missing`);
    fs.mkdirSync(home, { recursive: true });
    if (row.store === "browser") await this.addToBrowser(path.join(home, program.database ?? ".pki/nssdb"));
    execFileSync("chown", ["-R", `${ANA}:${ANA}`, home]);
    const url = `https://localhost:${this.port}/`;
    const command = program.command(url, row.options ?? [], home);
    const variables = Object.entries({
      HOME: home,
      PATH: "/usr/local/bin:/usr/bin:/bin",
      LANG: "C.UTF-8",
      ...program.environment?.(url, home),
      ...(row.store === "later" && { WAIT: "1" }),
      ...Object.fromEntries(
        Object.entries(row.environment ?? {}).map(([name, value]) => [name, this.setting(value)]),
      ),
    }).map(([name, value]) => `${name}=${value}`);
    const become = ["setpriv", `--reuid=${ANA}`, `--regid=${ANA}`, "--clear-groups"];
    const script = `mount --bind ${this.at(bindOf(row.store))} ${CERTS} && cd ${home} && exec "$@"`;
    const args = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", ...become, "env", "-i"];
    this.outcomes.length = 0;
    this.openRooms = 0;
    this.lastAt = undefined;
    const child = spawn("unshare", [...args, ...variables, ...command], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    // Codex reads its input to the end before it asks.
    if (row.store !== "later") child.stdin.end();
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed = (printed + text).slice(-4000);
        if (row.store === "later" && printed.includes("started")) {
          printed = "";
          this.addToSystem("later");
          child.stdin.end("now\n");
        }
      });
    }
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    try {
      const outcome = await this.outcome(ended);
      if (outcome === undefined) throw new Error(`${row.program} did not connect: ${printed}`);
      return outcome;
    } finally {
      killGroup(child);
      await ended;
    }
  }

  /** The first outcome that is certain: accepted, or refused and nothing accepted until the end of a short while. */
  private async outcome(ended: Promise<void>): Promise<Outcome | undefined> {
    const deadline = Date.now() + ROW_LIMIT_MS;
    let overAt = Number.POSITIVE_INFINITY;
    void ended.then(() => {
      overAt = Date.now();
      this.wake();
    });
    while (Date.now() < deadline) {
      const accepted = this.outcomes.find((outcome) => outcome.accepted);
      if (accepted) return accepted;
      // One refusal is not the last word of a browser, but three are, and those of a program that has ended.
      const isOver = Date.now() - overAt >= SETTLED_MS && this.openRooms === 0;
      if (this.outcomes.length >= 3 || (isOver && this.outcomes.length > 0)) return this.outcomes[0];
      // What it did last may not have arrived here yet.
      if (isOver && Date.now() - overAt > 3000) return undefined;
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
        const isEnding = overAt < Number.POSITIVE_INFINITY;
        const timer = setTimeout(resolve, isEnding ? SETTLED_MS : this.outcomes.length > 0 ? 3000 : 1000);
        timer.unref();
      });
      if (this.outcomes.length > 0 && !this.outcomes.some((outcome) => outcome.accepted)) {
        // Browsers show their error page and go on running.
        if (this.lastAt !== undefined && Date.now() - this.lastAt > 2900) return this.outcomes[0];
      }
    }
    return this.outcomes[0];
  }

  private lastAt: number | undefined;
  /** Connections whose outcome is not known yet. */
  private openRooms = 0;

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  private async accept(socket: net.Socket): Promise<void> {
    this.openRooms++;
    socket.on("error", () => {});
    const tuple = {
      local: { address: socket.remoteAddress!, port: socket.remotePort! },
      remote: { address: socket.localAddress!, port: socket.localPort! },
    };
    const owner = this.native.socketOwner(tuple);
    const pid = await this.native.findProcess(
      owner?.inode ?? 0,
      { candidates: [], uid: owner?.uid ?? null, cgroupId: null },
      5000,
    );
    const info = pid === null ? null : this.native.processInfo(pid);
    if (info === null) {
      this.openRooms--;
      return void socket.destroy();
    }
    const program = await this.reader.read(info);
    const secure = new tls.TLSSocket(socket, {
      isServer: true,
      secureContext: this.mint.contextFor("localhost"),
      SNICallback: (_, done) => done(null, this.mint.contextFor("localhost")),
    });
    let isTold = false;
    const tell = (accepted: boolean) => {
      if (isTold) return;
      isTold = true;
      this.openRooms--;
      this.outcomes.push({ program, accepted });
      this.lastAt = Date.now();
      this.wake();
    };
    secure.on("error", () => {});
    secure.once("data", () => {
      tell(true);
      secure.end(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
      );
    });
    secure.once("close", () => tell(false));
    secure.once("end", () => secure.end());
  }
}

/** Not one of Oximy's: those of a day have the same name, and libraries look for issuers by name. */
function otherCertificate(folder: string): string {
  const key = path.join(folder, "other.key");
  const to = ["-keyout", key, "-subj", "/CN=Other", "-days", "2", "-nodes"];
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", ...to];
  const pem = execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  fs.rmSync(key);
  return pem;
}

function bindOf(store: Store): string {
  return store === "browser" ? "none" : store;
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, "SIGKILL");
  } catch {
    // it has ended
  }
}
