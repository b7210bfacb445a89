import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabProcess } from "../../lab/lab-process.js";
import { usePrivateCopies } from "../../lab/private-copies.js";
import { CALLER, LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const HOST = "api.openai.com";
const URL_ = `https://${HOST}/v1/chat/completions`;
const BODY = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "Hello" }] });
const CURL = ["-sS", "-m", "20", "-H", "content-type: application/json", "-d", BODY, URL_];
const PROGRAMS: readonly [string, string, readonly string[]][] = [
  ["curl", "curl", CURL],
  [
    "Node",
    "env",
    [
      "NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt",
      "node",
      "-e",
      `fetch("${URL_}", { method: "POST", headers: { "content-type": "application/json" }, body: ${JSON.stringify(BODY)} })
        .then((answer) => answer.text()).then(console.log)`,
    ],
  ],
  [
    "Python",
    "/usr/bin/python3",
    [
      "-c",
      `import sys, urllib.request as r
print(r.urlopen(r.Request("${URL_}", sys.argv[1].encode(), {"content-type": "application/json"})).read().decode())`,
      BODY,
    ],
  ],
];
const CGROUPS = existsSync("/sys/fs/cgroup/cgroup.controllers") ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";

/** What leads out of a network that a user has made, as Podman starts it: in the machine's network, as that user. */
const TUNNELS: readonly [string, (pid: number) => readonly string[]][] = [
  ["slirp4netns", (pid) => ["--configure", "--mtu=65520", "--disable-host-loopback", String(pid), "tap0"]],
  ["pasta", (pid) => ["--config-net", "--foreground", "--ns-ifname", "tap0", String(pid)]],
];
const absent = [...TUNNELS.map(([name]) => join("/usr/bin", name)), "/dev/net/tun"].filter(
  (file) => !existsSync(file),
);
if (absent.length > 0) console.warn(`skipped, for want of ${absent.join(", ")}`);

describe.skipIf(requireLab() || absent.length > 0)("rootless containers", { timeout: 120_000 }, () => {
  let lab: Lab;
  let oximy: LabOximy;

  beforeAll(async () => {
    lab = await createLab();
    // As on most machines, where every user may have a device of his own.
    const folder = join(lab.dir, "net");
    mkdirSync(folder);
    execFileSync("mknod", [join(folder, "tun"), "c", "10", "200"]);
    chmodSync(join(folder, "tun"), 0o666);
    await usePrivateCopies(lab, [{ from: folder, over: "/dev/net" }]);
    await lab.addServer({ names: [HOST] });
    oximy = await LabOximy.startReading(lab, ["--verbose"]);
  }, 120_000);
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  /** As Podman without root: the user's own network, in a control group by the container's id. */
  async function spawn(tunnel: (typeof TUNNELS)[number], command: string, args: readonly string[]) {
    const id = randomBytes(32).toString("hex");
    const cgroup = `${lab.machine.name.replace(/-machine$/, "")}/libpod_parent/libpod-${id}`;
    mkdirSync(join(CGROUPS, cgroup), { recursive: true });
    const as = ["setpriv", `--reuid=${CALLER.uid}`, `--regid=${CALLER.gid}`, "--clear-groups"];
    const wait = 'echo waiting >&2; read -r _; exec "$@"';
    const process = lab.machine.spawn("sh", [
      "-c",
      `echo $$ >/sys/fs/cgroup/${cgroup}/cgroup.procs && exec "$@"`,
      "sh",
      ...as,
      ...["unshare", "--user", "--map-root-user", "--net", "sh", "-c", wait, "sh"],
      command,
      ...args,
    ]);
    onTestFinished(async () => void (await process.stop()));
    await vi.waitFor(() => expect(process.stderr).toContain("waiting"), { timeout: 20_000 });
    const [program, argsFor] = tunnel;
    const way = lab.machine.spawn(program, argsFor(process.pid), CALLER);
    onTestFinished(async () => void (await way.stop()));
    const captured = oximy.logged(new RegExp(`container ${id.slice(0, 12)} \\(podman\\): captured`));
    await Promise.race([
      captured,
      way.exited.then((result) => {
        throw new Error(`${program}: ${JSON.stringify(result)}`);
      }),
    ]);
    return { id, process, way };
  }
  const start = (process: LabProcess) => {
    process.child.stdin.end("\n");
    return process.exited;
  };

  describe.each(TUNNELS.map((tunnel) => [tunnel[0], tunnel] as const))("behind %s", (_tunnel, tunnel) => {
    it.each(PROGRAMS)(
      "the first connection of process 1 is read, named, and told once: %s",
      async (_name, command, args) => {
        const { id, process } = await spawn(tunnel, command, args);
        const before = oximy.events.length;
        const result = await start(process);
        expect(result.code, result.stderr).toBe(0);
        expect(result.stdout).toContain("Hi there!");
        await oximy.captured(before + 1);
        // A call of the machine's own, behind which nothing of the one before can come.
        expect((await lab.machine.exec("curl", CURL, CALLER)).code).toBe(0);
        await oximy.captured(before + 2);
        const [inside, own] = oximy.events.slice(before);
        expect(inside).toMatchObject({
          trace_level: "full",
          metadata: { via: "read" },
          client: { pid: process.pid, container: { id, runtime: "podman" } },
        });
        expect(own?.client.container).toBeUndefined();
        expect(oximy.events).toHaveLength(before + 2);
      },
    );
  });
});
