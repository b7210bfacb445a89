import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LabAuthority } from "./certificates.js";
import { AI_SERVER, LabServer, type ServerOptions, type ServerProgram } from "./lab-server.js";
import { LabNamespace } from "./namespace.js";

// When compiled, it is one folder deeper.
const SCRIPTS = import.meta.url.endsWith(".ts") ? "../scripts" : "../../scripts";
const REMOVER = fileURLToPath(new URL(`${SCRIPTS}/remove-lab.sh`, import.meta.url));
/** The process that created a lab, and the number of the lab within it. */
const LAB_ID = /^oximy-lab-(\d+)-\d+/;
let count = 0;

/** Creates a lab; the caller closes it. Labs of several processes do not interfere. */
export async function createLab(): Promise<Lab> {
  removeLabsOfTheDead();
  const id = `oximy-lab-${process.pid}-${++count}`;
  const lab = new Lab(id);
  try {
    lab.build();
  } catch (error) {
    await lab.close();
    throw error;
  }
  return lab;
}

/**
 * Two network namespaces connected by a cable. The program under test runs in `machine`, its servers in `internet`.
 * The lab's root certificate is the machine's public root, and names are resolved by its hosts file.
 * When this process ends, in whatever way, the lab is removed with everything that runs in it.
 */
export class Lab {
  readonly machine: LabNamespace;
  readonly internet: LabNamespace;
  readonly authority = new LabAuthority();
  /** A folder for files of this lab; removed with it. */
  readonly dir: string;
  private readonly remover: ChildProcess;
  private readonly hosts: string[] = ["127.0.0.1 localhost", "::1 localhost"];
  private readonly roots: string[] = [];
  private addresses = 9;

  constructor(id: string) {
    this.machine = new LabNamespace(`${id}-machine`);
    this.internet = new LabNamespace(`${id}-internet`);
    this.dir = join("/tmp", id);
    this.remover = spawn("sh", [REMOVER, id], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    });
    // The pipe must not keep this process alive: the remover waits for its end.
    this.remover.unref();
    (this.remover.stdin as unknown as { unref(): void }).unref();
  }

  /** Used by createLab only. */
  build(): void {
    const [machine, internet] = [this.machine.name, this.internet.name];
    ip(`netns add ${machine}`);
    ip(`netns add ${internet}`);
    ip(`link add eth0 netns ${machine} type veth peer name eth0 netns ${internet}`);
    for (const [name, last] of [[machine, 1] as const, [internet, 2] as const]) {
      ip(`-n ${name} link set lo up`);
      ip(`-n ${name} addr add 203.0.113.${last}/24 dev eth0`);
      ip(`-n ${name} addr add 2001:db8:113::${last}/64 dev eth0 nodad`);
      ip(`-n ${name} link set eth0 up`);
    }
    ip(`-n ${machine} route add default via 203.0.113.2`);
    ip(`-n ${machine} -6 route add default via 2001:db8:113::2`);

    mkdirSync(this.dir);
    const etc = join("/etc/netns", machine);
    mkdirSync(join(etc, "ssl/certs"), { recursive: true });
    if (existsSync("/etc/ssl/openssl.cnf")) cpSync("/etc/ssl/openssl.cnf", join(etc, "ssl/openssl.cnf"));
    if (existsSync("/etc/nsswitch.conf"))
      writeFileSync(join(etc, "nsswitch.conf"), "passwd: files\nhosts: files dns\n");
    // Nothing listens there, so names that were not added fail immediately.
    writeFileSync(join(etc, "resolv.conf"), "nameserver 203.0.113.2\n");
    this.writeHosts();
    this.trust(this.authority.cert);
  }

  /** Adds a certificate to the machine's public roots. Running processes may already have read them. */
  trust(pem: string): void {
    const certs = join("/etc/netns", this.machine.name, "ssl/certs");
    this.roots.push(pem);
    writeFileSync(join(certs, `root-${this.roots.length}.pem`), pem);
    writeFileSync(join(certs, "ca-certificates.crt"), this.roots.join(""));
    execFileSync("openssl", ["rehash", certs], { stdio: "ignore" });
  }

  /** Allocates two new addresses of the internet and makes the machine resolve `names` to them. */
  addNames(names: readonly string[]): { readonly v4: string; readonly v6: string } {
    const last = ++this.addresses;
    const [v4, v6] = [`203.0.113.${last}`, `2001:db8:113::${last}`];
    ip(`-n ${this.internet.name} addr add ${v4}/24 dev eth0`);
    ip(`-n ${this.internet.name} addr add ${v6}/64 dev eth0 nodad`);
    for (const name of names) this.hosts.push(`${v4} ${name}`, `${v6} ${name}`);
    this.writeHosts();
    return { v4, v6 };
  }

  /** Starts a server of the internet that behaves like the AI providers, under the given names. */
  addServer(options: ServerOptions<NonNullable<typeof AI_SERVER.settings>>) {
    return LabServer.start(this, AI_SERVER, options);
  }

  /** Starts any other server, such as ECHO_SERVER. */
  addServerOf<Entry, Settings>(
    program: ServerProgram<Entry, Settings>,
    options: ServerOptions<Settings>,
  ): Promise<LabServer<Entry>> {
    return LabServer.start(this, program, options);
  }

  /** Ends all processes of the lab and removes it. Idempotent. */
  async close(): Promise<void> {
    if (this.remover.exitCode !== null) return;
    const removed = new Promise((resolve) => this.remover.once("exit", resolve));
    this.remover.ref();
    this.remover.stdin!.end();
    await removed;
  }

  /** Written in place, because running processes have this very file mounted over /etc/hosts. */
  private writeHosts(): void {
    writeFileSync(join("/etc/netns", this.machine.name, "hosts"), `${this.hosts.join("\n")}\n`);
  }
}

/** Removes what is left of labs whose remover was killed too. */
function removeLabsOfTheDead(): void {
  const ids = ["/run/netns", "/etc/netns", "/tmp"]
    .flatMap((dir) => (existsSync(dir) ? readdirSync(dir) : []))
    .map((name) => LAB_ID.exec(name))
    .filter((match) => match !== null && !existsSync(`/proc/${match[1]}`))
    .map((match) => match![0]);
  if (ids.length > 0) spawnSync("sh", [REMOVER, ...new Set(ids)], { input: "" });
}

function ip(words: string): void {
  execFileSync("ip", words.split(" "), { stdio: ["ignore", "ignore", "pipe"] });
}
