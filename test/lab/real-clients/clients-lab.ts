import { execFileSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLab, type Lab } from "../../../lab/lab.js";
import type { LabServer } from "../../../lab/lab-server.js";
import { type Overlay, usePrivateCopies } from "../../../lab/private-copies.js";
import { toolPath } from "../../../src/trust/tool-path.js";
import { CALLER, PROJECT } from "../oximy.js";
import { folderOf, installNpmClients, type NpmClient, npmClientsFolder } from "./npm-clients.js";
import { keyOf, PROVIDER_SERVER, type ProviderRequest } from "./provider-server.js";
import type { Call, Place, RealClient } from "./real-client.js";

const PROGRAMS = fileURLToPath(new URL("clients/", import.meta.url));
/** Users of the rows, so that an event tells by its user whose it is. Nobody on the computer has these numbers. */
const FIRST_UID = 41_000;

/** Ends what hangs. No call takes this long, however busy the computer is. */
const LONGEST_CALL_MS = 300_000;

/** How one call went. */
export interface CallResult {
  readonly ok: boolean;
  readonly key: string;
  /** Milliseconds of the clock, as events have them. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly code: number | null;
  readonly output: string;
}

/** One row, ready to be called. */
export interface Seat {
  readonly row: number;
  readonly client: RealClient;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** How calls are made beside the row's own command. */
export interface Circumstances {
  /** Variables beside, and over, those of the row. */
  readonly env?: Readonly<Record<string, string>>;
  /** What stands before the command. */
  readonly before?: readonly string[];
  /** Over the row's own. */
  readonly gid?: number;
}

/** A lab with a server for all hosts of the table, where each row has a user with a home. */
export class ClientsLab {
  readonly seats: readonly Seat[];
  private calls = 0;

  private constructor(
    readonly lab: Lab,
    readonly server: LabServer<ProviderRequest>,
    clients: readonly RealClient[],
  ) {
    // A browser is the calling user's own, because what is trusted in its profile is that user's to change.
    this.seats = clients.map((client, row) => ({
      row,
      client,
      ...(client.trusts === "profile" ? CALLER : { uid: FIRST_UID + row, gid: FIRST_UID + row }),
      home: join(lab.dir, "homes", client.trusts === "profile" ? "caller" : `row${row}`),
    }));
  }

  /** Installs what of npm the clients need, and prepares them. */
  static async start(clients: readonly RealClient[]): Promise<ClientsLab> {
    await installNpmClients(npmClientsOf(clients));
    const lab = await createLab();
    try {
      const names = [...new Set([...clients.map(({ host }) => host), ...HOSTS_OF_AGENTS])];
      const server = await lab.addServerOf(PROVIDER_SERVER, { names });
      const it = new ClientsLab(lab, server, clients);
      await it.prepare();
      return it;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  get publicRoots(): string {
    return join(this.lab.dir, "public-roots.pem");
  }

  /** Makes one call and waits for its end. */
  async call(seat: Seat, circumstances: Circumstances = {}): Promise<CallResult> {
    const { client, uid, home } = seat;
    const key = keyOf(seat.row, ++this.calls);
    const { file, args, env, ...call } = client.call(this.place(seat, key));
    const { before = [], gid = seat.gid } = circumstances;
    const [command, ...rest] = [...before, file, ...args];
    const startedAt = Date.now();
    const running = this.lab.machine.spawn(command!, rest, {
      uid,
      gid,
      cwd: home,
      env: { HOME: home, ...env, ...circumstances.env },
    });
    const timer = setTimeout(() => running.kill("SIGKILL"), LONGEST_CALL_MS);
    running.child.stdin.write(call.input ?? "");
    if (call.inputStaysOpen !== true) running.child.stdin.end();
    const { code, stdout, stderr } = await running.exited.finally(() => clearTimeout(timer));
    this.endDaemons(seat);
    const worked =
      client.confirmed === "server"
        ? this.server.requests.some((request) => request.key === key && request.path === "/answered")
        : code === 0 && printed(call, stdout);
    return { ok: worked, key, startedAt, endedAt: Date.now(), code, output: `${stdout}${stderr}` };
  }

  /** What a call leaves behind would make the next one, over a connection of before that leaves no event of its own. */
  private endDaemons({ client, uid }: Seat): void {
    if (client.trusts === "profile") return; // its user runs oximy too
    for (const pid of this.lab.machine.pids()) {
      try {
        if (statSync(`/proc/${pid}`).uid === uid) process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  }

  async close(): Promise<void> {
    await this.lab.close();
  }

  private place({ home }: Seat, key: string): Place {
    return {
      home,
      programs: join(this.lab.dir, "programs"),
      project: PROJECT,
      publicRoots: this.publicRoots,
      key,
      npm: (client) => join(this.lab.dir, "npm", folderOf(client), "node_modules"),
    };
  }

  private async prepare(): Promise<void> {
    const { lab } = this;
    writeFileSync(this.publicRoots, lab.authority.cert);
    mkdirSync(join(lab.dir, "homes"));
    const users = new Map(this.seats.map((seat) => [seat.uid, seat]));
    for (const { home, uid, gid } of users.values()) {
      mkdirSync(home, { mode: 0o700 });
      chownSync(home, uid, gid);
    }
    // The lab's commands find it laid over /etc/passwd; some runtimes fail for a user without a name.
    const accounts = [...users.values()].map(
      ({ uid, gid, home }) => `user${uid}:x:${uid}:${gid}::${home}:/bin/sh`,
    );
    const passwd = ["root:x:0:0:root:/root:/bin/sh", ...accounts].join("\n");
    writeFileSync(join("/etc/netns", lab.machine.name, "passwd"), `${passwd}\n`);
    this.compile();
    await usePrivateCopies(lab, this.overlays());
    if (toolPath("keytool") && this.seats.some(({ client }) => client.runtime === "java"))
      await this.makeJavaStore();
    for (const seat of this.seats) {
      const { client, uid, gid, home } = seat;
      if (client.prepare === undefined) continue;
      const command = client.prepare(this.place(seat, "none"));
      const { code, stderr } = await lab.machine.exec("sh", ["-ec", command], {
        uid,
        gid,
        env: { HOME: home },
        timeout: LONGEST_CALL_MS,
      });
      if (code !== 0) throw new Error(`${client.name} could not be prepared: ${stderr}`);
    }
  }

  /** Where the machine's root adds certificates, and where clients of npm lie for all users to read. */
  private overlays(): Overlay[] {
    const added = join(this.lab.dir, "added-roots");
    mkdirSync(added);
    // Else the lab's root would go when the system's store is made anew.
    writeFileSync(join(added, "lab-root.crt"), this.lab.authority.cert);
    const npm = join(this.lab.dir, "npm");
    mkdirSync(npm);
    mkdirSync(npmClientsFolder(), { recursive: true });
    const roots = "/usr/local/share/ca-certificates";
    return [
      { from: npmClientsFolder(), over: npm },
      ...(existsSync(roots) ? [{ from: added, over: roots }] : []),
    ];
  }

  private compile(): void {
    const programs = join(this.lab.dir, "programs");
    mkdirSync(programs);
    const needed = new Set(this.seats.map(({ client }) => client.runtime));
    if (needed.has("go") && toolPath("go")) {
      execFileSync("go", ["build", "-o", join(programs, "call"), join(PROGRAMS, "go/call.go")]);
    }
    if (needed.has("java") && toolPath("javac")) {
      execFileSync("javac", ["-d", programs, join(PROGRAMS, "Call.java")]);
    }
  }

  /** Debian's Java reads this file, of the old type because it opens it without the password. */
  private async makeJavaStore(): Promise<void> {
    const folder = join("/etc/netns", this.lab.machine.name, "ssl/certs/java");
    mkdirSync(folder);
    const store = ["-keystore", join(folder, "cacerts"), "-storetype", "JKS"];
    const root = [
      "-importcert",
      "-noprompt",
      "-storepass",
      "changeit",
      "-alias",
      "debian:lab-root.pem",
      "-file",
      this.publicRoots,
    ];
    const { code, stdout } = await this.lab.machine.exec("keytool", [...root, ...store], {
      timeout: LONGEST_CALL_MS,
    });
    if (code !== 0) throw new Error(stdout);
  }
}

/** Hosts that agents ask beside the one of their row. */
const HOSTS_OF_AGENTS = ["chatgpt.com"];

function printed({ prints }: Pick<Call, "prints">, stdout: string): boolean {
  return prints === undefined || prints.test(stdout);
}

function npmClientsOf(clients: readonly RealClient[]): Set<NpmClient> {
  return new Set(
    clients.flatMap(({ source, node }) => [
      ...(source.kind === "npm" ? [source.client] : []),
      ...(node === undefined ? [] : [node]),
    ]),
  );
}
