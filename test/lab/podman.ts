import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Lab } from "../../lab/lab.js";
import type { ExecResult, LabProcess } from "../../lab/lab-process.js";
import { usePrivateCopies } from "../../lab/private-copies.js";

const TOOLS = ["podman", "runc", "conmon", "busybox"];

/** Why the real Podman cannot be tested here, or false. */
export function requirePodman(): string | false {
  const folders = ["/usr/bin", "/usr/sbin", "/bin"];
  const absent = TOOLS.filter((tool) => !folders.some((folder) => existsSync(join(folder, tool))));
  if (!existsSync("/usr/lib/podman/netavark")) absent.push("netavark");
  if (absent.length === 0) return false;
  console.warn(`skipped, not installed: ${absent.join(", ")}`);
  return absent.join(", ");
}

/** runc refuses limits above those that we have; the lab has no controllers of cgroup v2. */
const LIMITS = ["--pids-limit", "-1", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"];
const NETWORK = "dual";

/** The real Podman, with runc and netavark, in the lab's machine: all that it writes is in the lab's folder. */
export class LabPodman {
  private constructor(private readonly lab: Lab) {}

  static async start(lab: Lab): Promise<LabPodman> {
    const folders = ["/var/lib", "/run", "/etc/containers"].map((over, index) => {
      const from = join(lab.dir, `podman-${index}`);
      mkdirSync(from);
      return { from, over };
    });
    cpSync("/etc/containers", folders[2]!.from, { recursive: true });
    await usePrivateCopies(lab, folders);
    const podman = new LabPodman(lab);
    await podman.run([
      "network",
      "create",
      "--ipv6",
      "--subnet",
      "10.89.7.0/24",
      "--subnet",
      "fd00:89::/64",
      NETWORK,
    ]);
    const forward =
      "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; " +
      "ip -6 route replace default via 2001:db8:113::2";
    const { code, stderr } = await lab.machine.exec("sh", ["-c", forward]);
    if (code !== 0) throw new Error(stderr);
    return podman;
  }

  /** A network of its own, which `network rm` removes. */
  async network(name: string, subnet: string): Promise<void> {
    await this.run(["network", "create", "--subnet", subnet, name]);
  }

  private args(args: readonly string[]): string[] {
    return [
      "--cgroup-manager=cgroupfs",
      "--runtime=runc",
      "--storage-driver=vfs",
      "--events-backend=file",
      ...args,
    ];
  }

  async run(args: readonly string[]): Promise<ExecResult> {
    const result = await this.lab.machine.exec("podman", this.args(args), { timeout: 60_000 });
    if (result.code !== 0) throw new Error(`podman ${args.join(" ")}: ${result.stderr}`);
    return result;
  }

  /** An image of this machine's files, with the libraries that the executables are linked to. */
  async image(name: string, executables: readonly string[], folders: readonly string[] = []): Promise<void> {
    const root = join(this.lab.dir, `root-${name.replaceAll(":", "-")}`);
    mkdirSync(join(root, "tmp"), { recursive: true });
    mkdirSync(join(root, "etc/ssl/certs"), { recursive: true });
    mkdirSync(join(root, "bin"));
    const copy = (path: string) => {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      cpSync(realpathSync(path), join(root, path), { recursive: true });
    };
    for (const path of ["/bin/busybox", ...executables]) {
      copy(path);
      const { stdout } = await this.lab.machine.exec("ldd", [path]);
      for (const [library] of stdout.matchAll(/\/[^ \n]+/g)) if (!library.endsWith(":")) copy(library);
    }
    for (const folder of folders) copy(folder);
    symlinkSync("busybox", join(root, "bin/sh"));
    const archive = `${root}.tar`;
    execFileSync("tar", ["-C", root, "-cf", archive, "."]);
    await this.run(["import", archive, name]);
    rmSync(root, { recursive: true });
    rmSync(archive);
  }

  /** `podman run --rm`: its first process is the program. */
  spawn(
    name: string,
    image: string,
    args: readonly string[],
    network = NETWORK,
    options: readonly string[] = [],
  ): LabProcess {
    const certificates = "/etc/ssl/certs:/etc/ssl/certs:ro";
    const run = [
      "run",
      "--rm",
      "--name",
      name,
      "--network",
      network,
      "-v",
      certificates,
      ...LIMITS,
      ...options,
    ];
    return this.lab.machine.spawn("podman", this.args([...run, image, ...args]));
  }

  async remove(): Promise<void> {
    await this.run(["rm", "--all", "--force", "--time", "0"]).catch(() => {}); // none is there
    await this.run(["network", "rm", "--force", NETWORK]).catch(() => {});
    removeEmptyCgroups("libpod_parent");
  }
}

/** What Podman leaves of its own in each hierarchy. */
function removeEmptyCgroups(name: string): void {
  const root = "/sys/fs/cgroup";
  const hierarchies = [root, ...readdirSync(root).map((entry) => join(root, entry))];
  for (const hierarchy of hierarchies) {
    const folder = join(hierarchy, name);
    if (!existsSync(folder)) continue;
    try {
      execFileSync("find", [folder, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], {
        stdio: "ignore",
      });
    } catch {
      // Others' containers are in it.
    }
  }
}
