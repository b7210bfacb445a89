import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { loadNative } from "../../../src/native/native.js";
import type { FrontConnection } from "../../../src/proxy/accept/front.js";
import {
  type ContainerNetworks,
  openContainerNetworks,
} from "../../../src/supervisor/containers/networks.js";
import { isRoot, type Started, start } from "../../native/clients.js";

const IPV4 = "203.0.113.7";
const IPV6 = "2001:db8:113::7";
/** Of <linux/container_rules.h>: what a trial carries. */
const TRIAL_MARK = 0x10780001;
const GUESTS_FD = 4;

interface Told {
  readonly peer: readonly [string, number];
  readonly own: number;
  readonly cookie: string;
  readonly answer: string;
  readonly error?: string;
}

/** What of the kernel's BPF this process holds. */
const held = () =>
  readdirSync("/proc/self/fdinfo").flatMap((fd) => {
    try {
      const [kind] =
        /^(?:link_id|map_id|prog_id)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
      return kind ?? [];
    } catch {
      return []; // the descriptor of this very reading
    }
  });

describe.skipIf(!isRoot || process.platform !== "linux")(
  "connections that are led to us as they begin",
  () => {
    let networks: ContainerNetworks;
    let container: Started;
    let front: ChildProcess;
    let network: number;
    const met: FrontConnection[] = [];
    const before = held();

    beforeAll(async () => {
      const opened = openContainerNetworks([443, 80], false);
      if (typeof opened === "string") throw new Error(opened);
      networks = opened;
      container = start("python3", [fileURLToPath(new URL("rewrite-container.py", import.meta.url))]);
      expect(await container.line()).toBe("ready");
      const options = { listen: [{ address: "127.0.0.1", port: 0 }], guests: GUESTS_FD, passes: true };
      front = fork(
        fileURLToPath(new URL("../../proxy/front-child.ts", import.meta.url)),
        [JSON.stringify(options)],
        {
          execArgv: ["--import", "tsx"],
          stdio: ["ignore", "inherit", "inherit", "ipc", networks.proxyEnd()],
        },
      );
      networks.closeProxyEnd();
      await once(front, "message");
      front.on("message", ({ connection }: { connection?: FrontConnection }) => {
        if (connection) met.push(connection);
      });
      const { startTime } = loadNative().processInfo(container.pid)!;
      network = networks.open(container.pid, startTime) as number;
      expect(network).toEqual(expect.any(Number));
    });
    beforeEach(() => {
      expect(networks.rewrite(network, "all", [4, 6])).toBeNull();
      met.length = 0;
    });
    afterAll(async () => {
      networks?.end();
      await container?.[Symbol.asyncDispose]();
      front?.disconnect();
      expect(held()).toEqual(before);
    });

    async function call(to: string, how: Record<string, unknown> = {}): Promise<Told> {
      container.process.stdin!.write(`${JSON.stringify({ to, ...how })}\n`);
      return JSON.parse(await container.line()) as Told;
    }

    /** Those that have come by now: what the front said before it answers a question is here before the answer. */
    async function arrived(): Promise<readonly FrontConnection[]> {
      const answered = new Promise<void>((resolve) => {
        const listen = (message: { stats?: unknown }) => {
          if (!message.stats) return;
          front.off("message", listen);
          resolve();
        };
        front.on("message", listen);
      });
      front.send("stats");
      await answered;
      return met;
    }

    it.each<[string, string, Record<string, unknown>, string]>([
      ["over IPv4", IPV4, {}, IPV4],
      ["to port 80", IPV4, { port: 80 }, IPV4],
      ["over IPv6", IPV6, { ipv6: true }, IPV6],
      ["over IPv4 by a socket of IPv6", `::ffff:${IPV4}`, { ipv6: true }, IPV4],
      ["from an address of its own choice", IPV4, { source: IPV4 }, IPV4],
      ["from an address of its own choice, over IPv6", IPV6, { ipv6: true, source: IPV6 }, IPV6],
      ["without waiting", IPV4, { non_blocking: true }, IPV4],
      ["with its first bytes (TCP Fast Open)", IPV4, { fast_open: true }, IPV4],
      ["after it was refused elsewhere, by the same socket", IPV4, { first: "127.0.0.1" }, IPV4],
    ])("arrive %s, and both ends are what the client asked for", async (_, to, how, address) => {
      const told = await call(to, how);
      const destination = { address, port: (how.port as number) ?? 443 };
      expect(told).toMatchObject({ answer: "hello", peer: [to, destination.port] });
      expect(await arrived()).toMatchObject([{ destination, network }]);
      expect(met[0]!.peer.port).toBe(told.own);
    });

    it("are known by the client's own socket", async () => {
      const { cookie } = await call(IPV4, { stays: true });
      const [{ peer, destination }] = (await arrived()) as [FrontConnection];
      expect(networks.socketOwner(network, peer, destination!)).toMatchObject({
        cookie: BigInt(cookie),
        uid: 0,
      });
      const elsewhere = { address: IPV6, port: 443 };
      expect(networks.socketOwner(network, peer, elsewhere)).toBeNull();
    });

    it.each<[string, string, Record<string, unknown>]>([
      ["goes to another port", IPV4, { port: 8443 }],
      ["has a mark", IPV4, { mark: 7 }],
      ["has a mark, over IPv6", IPV6, { ipv6: true, mark: 7 }],
    ])("are not those of a client that %s", async (_, to, how) => {
      expect(await call(to, how)).toMatchObject({ answer: "hello", peer: [to, how.port ?? 443] });
      expect(await arrived()).toEqual([]);
    });

    it("are not those of a client that is bound to a device", async () => {
      const how = { device: "eth0", non_blocking: true, only_begin: true };
      // What arrives at loopback does so at once.
      expect(await call("203.0.113.9", how)).toEqual({ error: "OSError" });
      expect(await arrived()).toEqual([]);
    });

    it.each([["127.0.0.1"], ["0.0.0.0"], ["::1"], ["::"], ["::ffff:127.0.0.1"]])(
      "are not those to %s, where nobody listens",
      async (to) => {
        expect(await call(to, { ipv6: to.includes(":") })).toEqual({ error: "ConnectionRefusedError" });
        expect(await arrived()).toEqual([]);
      },
    );

    it("are reset when they came to the listener itself", async () => {
      expect(await call("127.0.0.1", { port: "listener" })).toEqual({ error: "ConnectionResetError" });
      expect(await arrived()).toEqual([]);
    });

    it("are those of the families that were asked for, a mapped address being IPv4", async () => {
      networks.rewrite(network, "all", [4]);
      expect(await call(IPV6, { ipv6: true })).toMatchObject({ answer: "hello" });
      expect(await arrived()).toEqual([]);
      expect(await call(`::ffff:${IPV4}`, { ipv6: true })).toMatchObject({ answer: "hello" });
      expect(await arrived()).toHaveLength(1);
    });

    it("are in a trial those of the trial alone", async () => {
      networks.rewrite(network, "trial", [4, 6]);
      expect(await call(IPV4)).toMatchObject({ answer: "hello" });
      expect(await arrived()).toEqual([]);
      expect(await call(IPV4, { mark: TRIAL_MARK })).toMatchObject({ answer: "hello" });
      expect(await arrived()).toHaveLength(1);
    });

    it("are none as soon as that was taken back", async () => {
      networks.removeRules(network);
      expect(await call(IPV4)).toMatchObject({ answer: "hello" });
      expect(await arrived()).toEqual([]);
    });
  },
);
