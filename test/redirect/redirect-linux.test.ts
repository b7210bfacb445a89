import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { ExecOptions, LabProcess } from "../../lab/lab-process.js";
import type { LabNamespace } from "../../lab/namespace.js";
import { requireLab } from "../lab/require-lab.js";

const SCRIPT = fileURLToPath(new URL("../../scripts/redirect-linux.sh", import.meta.url));
const GID = 4242;
const PORT = 15001;
const OPTIONS = ["--port", `${PORT}`, "--gid", `${GID}`, "--ports", "443,80"];

/** Listens on each `ADDRESS PORT`, greets with its first argument, and sends back what it gets. */
const GREETER = `
const [greeting, ...where] = process.argv.slice(1);
const greet = (socket) => { socket.on("error", () => {}); socket.write(greeting + "\\n"); socket.pipe(socket); };
let left = where.length / 2;
for (let i = 0; i < where.length; i += 2)
  require("net").createServer(greet).listen(where[i + 1], where[i], () => --left || console.log("listening"));`;
/** Connects standard input and output with `ADDRESS PORT`. */
const CLIENT = `
const [host, port] = process.argv.slice(1);
const socket = require("net").connect(port, host);
process.stdin.pipe(socket).pipe(process.stdout);
socket.on("error", (error) => { console.log(error.code); process.exit(); });`;
/** Sends a datagram to `ADDRESS PORT` and prints what the kernel says to it. */
const DATAGRAM = `
const [host, port] = process.argv.slice(1);
const socket = require("dgram").createSocket(host.includes(":") ? "udp6" : "udp4");
socket.send("x", port, host, (error) => { console.log(error?.code ?? "sent"); process.exit(); });`;

describe.skipIf(requireLab())("redirect-linux.sh", () => {
  let lab: Lab;
  let machine: LabNamespace;
  const node = (script: string, ...args: unknown[]) => ["-e", script, ...args.map(String)];
  const run = (args: readonly string[], options?: ExecOptions) => machine.exec(SCRIPT, args, options);
  const status = async () => (await run(["status"])).stdout.trim();
  const families = [
    ["IPv4", "203.0.113.2"],
    ["IPv6", "2001:db8:113::2"],
  ] as const;

  beforeAll(async () => {
    lab = await createLab();
    machine = lab.machine;
    const servers = [
      machine.spawn("node", node(GREETER, "listener", "127.0.0.1", PORT, "::1", PORT)),
      machine.spawn("node", node(GREETER, "local", "127.0.0.1", 11434, "::1", 11434, "127.0.0.1", 443)),
      lab.internet.spawn(
        "node",
        node(GREETER, "internet", ...families.flatMap(([, host]) => [host, 443, host, 22])),
      ),
    ];
    await Promise.all(servers.map((server) => server.printed(/listening/)));
  });
  afterAll(() => lab.close());
  afterEach(async () => {
    expect(await run(["cleanup", "--all"])).toMatchObject({ code: 0, stderr: "" });
  });

  async function hold(...options: string[]): Promise<LabProcess> {
    const holder = machine.spawn(SCRIPT, ["hold", ...OPTIONS, ...options]);
    await holder.printed(/^ready\n/);
    return holder;
  }

  /** Opens a connection and waits for the greeting, which tells where it arrived. */
  async function connect(
    host: string,
    port: number,
    gid?: number,
  ): Promise<{ client: LabProcess; arrived: string }> {
    const client = machine.spawn("node", node(CLIENT, host, port), gid === undefined ? {} : { uid: 0, gid });
    return { client, arrived: (await client.printed(/^\w+\n/))[0].trim() };
  }

  async function whoAnswers(host: string, port: number, gid?: number): Promise<string> {
    const { client, arrived } = await connect(host, port, gid);
    await client.stop();
    return arrived;
  }

  const sendDatagram = async (host: string, gid?: number) =>
    (
      await machine.exec("node", node(DATAGRAM, host, 443), gid === undefined ? {} : { uid: 0, gid })
    ).stdout.trim();

  async function gone(): Promise<void> {
    await expect.poll(status, { timeout: 1000, interval: 10 }).toBe("not installed");
  }

  describe.each(["nft", "iptables"])("with %s", (backend) => {
    it.each(families)(
      "redirects the named ports over %s, but not those of its own group",
      async (_, host) => {
        await hold("--backend", backend);
        expect(await whoAnswers(host, 443)).toBe("listener");
        expect(await whoAnswers(host, 443, GID)).toBe("internet");
        expect(await whoAnswers(host, 22)).toBe("internet");
        expect(await status()).toBe(`installed ${backend}`);
      },
    );

    it("leaves loopback alone, but for the ports of local models", async () => {
      await hold("--backend", backend, "--local-ports", "11434,1234");
      expect(await whoAnswers("127.0.0.1", 443)).toBe("local");
      for (const loopback of ["127.0.0.1", "::1"]) {
        expect(await whoAnswers(loopback, 11434)).toBe("listener");
        expect(await whoAnswers(loopback, 11434, GID)).toBe("local");
      }
    });

    it.each(families)(
      "refuses QUIC at once over %s, but not to its own group, nor when told to allow it",
      async (_, host) => {
        const holder = await hold("--backend", backend);
        expect(await sendDatagram(host)).toBe("EPERM");
        expect(await sendDatagram(host, GID)).toBe("sent");
        holder.child.stdin.end();
        await holder.exited;
        await hold("--backend", backend, "--allow-quic");
        expect(await sendDatagram(host)).toBe("sent");
      },
    );

    it.each([
      ["its input ends", (holder: LabProcess) => holder.child.stdin.end()],
      ["it is killed", (holder: LabProcess) => holder.kill("SIGKILL")],
    ] as const)("is gone within a second when %s, and live connections go on", async (_, end) => {
      const holder = await hold("--backend", backend);
      const open = await Promise.all(families.map(([, host]) => connect(host, 443)));
      end(holder);
      await gone();
      for (const { client, arrived } of open) {
        expect(arrived).toBe("listener");
        client.child.stdin.write("still there\n");
        await client.printed(/still there/);
      }
      for (const [, host] of families) expect(await whoAnswers(host, 443)).toBe("internet");
    });

    it("does not mind the signals of a terminal", async () => {
      const holder = await hold("--backend", backend);
      for (const signal of ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"] as const) holder.kill(signal);
      expect(await whoAnswers("203.0.113.2", 443)).toBe("listener");
      holder.child.stdin.end();
      expect(await holder.exited).toMatchObject({ code: 0, stdout: "ready\n", stderr: "" });
    });

    it("refuses to install over what is installed, and names the process that asked for that", async () => {
      await hold("--backend", backend);
      expect(await run(["hold", ...OPTIONS])).toEqual({
        code: 1,
        stdout: "",
        stderr: `oximy-redirect: cannot install the rules: process ${process.pid} holds them already\n`,
      });
    });

    it("can be held again at once, and what the one before still removes is not the new one's", async () => {
      for (let round = 0; round < 3; round++) {
        const holder = await hold("--backend", backend);
        holder.kill("SIGKILL");
        holder.child.stdin.end();
      }
      await hold("--backend", backend);
      expect(await whoAnswers("203.0.113.2", 443)).toBe("listener");
      expect(await status()).toBe(`installed ${backend}`);
    });

    it("cleans up after a holder whose input never ends, and can do so twice", async () => {
      const holder = await hold("--backend", backend);
      expect(await run(["cleanup"])).toMatchObject({ code: 0 });
      await holder.exited;
      expect(await run(["status"])).toEqual({ code: 1, stdout: "not installed\n", stderr: "" });
      expect(await run(["cleanup"])).toMatchObject({ code: 0 });
      expect(await whoAnswers("203.0.113.2", 443)).toBe("internet");
    });
  });

  it("replaces the iptables rules of a run that was killed together with its stand-in", async () => {
    const { pid } = await hold("--backend", "iptables");
    await machine.exec("sh", ["-c", `kill -9 ${pid} $(cat /proc/${pid}/task/${pid}/children)`]);
    expect(await status()).toBe("installed iptables");
    const holder = await hold("--backend", "iptables");
    holder.child.stdin.end();
    await holder.exited;
    expect(await status()).toBe("not installed");
  });

  it("prefers nft", async () => {
    await hold();
    expect(await status()).toBe("installed nft");
  });

  it("takes iptables where nft does not know the owner flag", async () => {
    const PATH = pathWith("nft", 'echo "Error: syntax error, unexpected string" >&2; exit 1');
    const holder = machine.spawn(SCRIPT, ["hold", ...OPTIONS], { env: { PATH } });
    await holder.printed(/^ready\n/);
    expect(await status()).toBe("installed iptables");
  });

  it("redirects IPv4 alone where ip6tables does not work, and says so", async () => {
    const PATH = pathWith("ip6tables-restore", 'echo "cannot initialize table nat" >&2; exit 3');
    const holder = machine.spawn(SCRIPT, ["hold", ...OPTIONS, "--backend", "iptables"], { env: { PATH } });
    await holder.printed(/^ready\n/);
    expect(holder.stderr).toBe("oximy-redirect: IPv6 is not redirected: cannot initialize table nat\n");
    expect(await whoAnswers("203.0.113.2", 443)).toBe("listener");
    expect(await whoAnswers("2001:db8:113::2", 443)).toBe("internet");
  });

  it("says what is missing and changes nothing when neither backend works", async () => {
    const PATH = pathWith("nft", 'echo "Error: Could not process rule: Operation not supported" >&2; exit 1');
    pathWith("iptables-restore", 'echo "no table nat" >&2; exit 3');
    const result = await run(["hold", ...OPTIONS], { env: { PATH } });
    expect(result).toEqual({
      code: 4,
      stdout: "",
      stderr: "oximy-redirect: iptables cannot hold the rules: no table nat\n",
    });
    expect(await status()).toBe("not installed");
  });

  it.each(["hold", "cleanup", "status"])("needs root for %s", async (verb) => {
    const result = await run(verb === "hold" ? [verb, ...OPTIONS] : [verb], { uid: 1234 });
    expect(result).toEqual({ code: 3, stdout: "", stderr: `oximy-redirect: ${verb}: this needs root\n` });
  });

  it("tells missing privilege from missing features, also for a root without capabilities", async () => {
    const args = ["--bounding-set=-net_admin", "--inh-caps=-net_admin", SCRIPT, "hold", ...OPTIONS];
    const result = await machine.exec("setpriv", args);
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(/^oximy-redirect: nft cannot hold the rules: .*Operation not permitted/);
  });

  /** A PATH that begins with a folder where `tool` is the given shell script. */
  function pathWith(tool: string, script: string): string {
    const dir = join(lab.dir, expect.getState().currentTestName!.replace(/\W+/g, "-"));
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, tool), `#!/bin/sh\n${script}\n`);
    chmodSync(join(dir, tool), 0o755);
    return `${dir}:${process.env.PATH}`;
  }
});
