import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../../lab/lab.js";
import type { ExecResult, LabProcess, RunOptions } from "../../lab/lab-process.js";
import { usePrivateCopies } from "../../lab/private-copies.js";

const CGROUPS = existsSync("/sys/fs/cgroup/cgroup.controllers") ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";

function ip(words: string): void {
  execFileSync("ip", words.split(" "), { stdio: ["ignore", "ignore", "pipe"] });
}

const addressOf = (number: number) => `172.17.${number >> 8}.${number & 255}`;

/** Docker's part of a machine: a bridge, with what is behind it hidden behind the machine's own addresses. */
export class LabDocker {
  private count = 1;

  private constructor(
    readonly lab: Lab,
    /** In the place of /var/lib. */
    readonly folder: string,
  ) {}

  static async start(lab: Lab): Promise<LabDocker> {
    const folder = join(lab.dir, "var-lib");
    mkdirSync(join(folder, "docker/containers"), { recursive: true });
    await usePrivateCopies(lab, [{ from: folder, over: "/var/lib" }]);
    const machine = lab.machine.name;
    ip(`-n ${machine} link add docker0 type bridge`);
    ip(`-n ${machine} addr add 172.17.0.1/16 dev docker0`);
    ip(`-n ${machine} addr add fd00:17::1/64 dev docker0 nodad`);
    ip(`-n ${machine} link set docker0 up`);
    const forward =
      "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; " +
      "ip -6 route replace default via 2001:db8:113::2; " +
      "nft 'add table inet docker; add chain inet docker post { type nat hook postrouting priority 100; }; " +
      'add rule inet docker post ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; ' +
      'add rule inet docker post ip6 saddr fd00:17::/64 oifname != "docker0" masquerade\'';
    const { code, stderr } = await lab.machine.exec("sh", ["-c", forward]);
    if (code !== 0) throw new Error(stderr);
    return new LabDocker(lab, folder);
  }

  /** A container that nothing runs in yet. */
  create(name: string, image: string): LabContainer {
    const number = ++this.count;
    const id = randomBytes(32).toString("hex");
    const space = `${this.lab.machine.name.replace(/-machine$/, "")}-c${number}`;
    const machine = this.lab.machine.name;
    ip(`netns add ${space}`);
    ip(`link add eth0 netns ${space} type veth peer name veth${number} netns ${machine}`);
    ip(`-n ${machine} link set veth${number} master docker0 up`);
    ip(`-n ${space} link set lo up`);
    ip(`-n ${space} addr add ${addressOf(number)}/16 dev eth0`);
    ip(`-n ${space} addr add fd00:17::${number}/64 dev eth0 nodad`);
    ip(`-n ${space} link set eth0 up`);
    ip(`-n ${space} route add default via 172.17.0.1`);
    ip(`-n ${space} -6 route add default via fd00:17::1`);
    const files = join(this.folder, "docker/containers", id);
    mkdirSync(files, { mode: 0o710 });
    const config = { Name: `/${name}`, Config: { Image: image, Labels: {} } };
    writeFileSync(join(files, "config.v2.json"), JSON.stringify(config), { mode: 0o600 });
    const cgroup = `${space.replace(/-c\d+$/, "")}/docker/${id}`;
    mkdirSync(join(CGROUPS, cgroup), { recursive: true });
    return new LabContainer(this.lab, space, id, cgroup, number);
  }

  /** One of a Docker that runs in that container: its link leads there, not to the machine. */
  createIn(outer: LabContainer): LabContainer {
    const number = ++this.count;
    const id = randomBytes(32).toString("hex");
    const space = `${this.lab.machine.name.replace(/-machine$/, "")}-c${number}`;
    ip(`netns add ${space}`);
    ip(`link add eth0 netns ${space} type veth peer name veth${number} netns ${outer.space}`);
    ip(`-n ${outer.space} addr add 10.88.0.1/24 dev veth${number}`);
    ip(`-n ${outer.space} link set veth${number} up`);
    ip(`-n ${space} link set lo up`);
    ip(`-n ${space} addr add 10.88.0.2/24 dev eth0`);
    ip(`-n ${space} link set eth0 up`);
    ip(`-n ${space} route add default via 10.88.0.1`);
    outer.administer(
      "echo 1 >/proc/sys/net/ipv4/ip_forward; nft 'add table ip inner; " +
        "add chain ip inner post { type nat hook postrouting priority 100; }; add rule ip inner post masquerade'",
    );
    const cgroup = `${outer.cgroup}/docker/${id}`;
    mkdirSync(join(CGROUPS, cgroup), { recursive: true });
    return new LabContainer(this.lab, space, id, cgroup, number, outer.space);
  }
}

/** A network namespace and a cgroup as Docker makes them; the files are those of the lab's machine. */
export class LabContainer {
  constructor(
    readonly lab: Lab,
    readonly space: string,
    readonly id: string,
    readonly cgroup: string,
    readonly number: number,
    /** Where the other end of its link is. */
    private readonly host = lab.machine.name,
  ) {}

  get address(): string {
    return addressOf(this.number);
  }

  /** As `docker run`: a process is in the container and waits; the program runs once `start` was called. */
  spawn(command: string, args: readonly string[], options: RunOptions = {}): WaitingProcess {
    const enter = `echo $$ >/sys/fs/cgroup/${this.cgroup}/cgroup.procs && echo waiting >&2 && read -r _ && exec "$@"`;
    const { uid, ...others } = options;
    const as = uid === undefined ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
    const process = this.lab.machine.spawn(
      "nsenter",
      [`--net=/run/netns/${this.space}`, "sh", "-c", enter, "sh", ...as, command, ...args],
      others,
    );
    return {
      process,
      start: () => {
        process.child.stdin.write("\n");
        return process;
      },
    };
  }

  /** In a container that is captured already. */
  async exec(command: string, args: readonly string[], options: RunOptions = {}): Promise<ExecResult> {
    const started = this.spawn(command, args, options).start();
    started.child.stdin.end();
    return started.exited;
  }

  /** Outside of Oximy's sight, as its administrator. */
  administer(script: string): string {
    return execFileSync("ip", ["netns", "exec", this.space, "sh", "-c", script], { encoding: "utf8" });
  }

  rules(): string {
    return this.administer("nft list ruleset");
  }

  /** Ends what runs in it, and removes it as Docker does. */
  remove(): void {
    for (const pid of readFileSync(join(CGROUPS, this.cgroup, "cgroup.procs"), "utf8").split("\n")) {
      if (pid !== "") process.kill(Number(pid), "SIGKILL");
    }
    ip(`-n ${this.host} link del veth${this.number}`);
    ip(`netns del ${this.space}`);
  }

  removeCgroup(): void {
    rmdirSync(join(CGROUPS, this.cgroup));
  }
}

export interface WaitingProcess {
  readonly process: LabProcess;
  start(): LabProcess;
}
