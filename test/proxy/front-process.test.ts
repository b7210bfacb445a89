import { type ChildProcess, execFileSync, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { isNativeFrontSupported } from "../../src/proxy/accept/front-native.js";
import type { Order } from "./front-child.js";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const has = (...tools: string[]) => tools.every((tool) => spawnSync("which", [tool]).status === 0);
const isRoot = process.getuid?.() === 0;

const children: ChildProcess[] = [];
const clients: net.Socket[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const client of clients.splice(0)) client.destroy();
});

/** A front in another process, and the next of its messages that has the named field. */
async function startFront(options: object) {
  const child = fork(file("front-child.ts"), [JSON.stringify(options)], { execArgv: ["--import", "tsx"] });
  children.push(child);
  const tell = (order: Order) => child.send(order);
  const hear = (field: string) =>
    new Promise<Record<string, unknown>>((resolve) => {
      const listener = (message: Record<string, unknown>) => {
        if (!(field in message)) return;
        child.off("message", listener);
        resolve(message);
      };
      child.on("message", listener);
    });
  const { port } = (await hear("port")) as { port: number };
  const connect = async () => {
    const client = net.connect(port, "127.0.0.1").on("error", () => {});
    clients.push(client);
    await once(client, "connect");
    client.write("GET / HTTP/1.1\r\n\r\n");
  };
  return { child, tell, hear, connect };
}

describe.skipIf(!isNativeFrontSupported())("the front's process", () => {
  it.skipIf(!has("prlimit"))(
    "waits without spinning when it has no descriptors, and then serves all",
    async () => {
      const { child, tell, hear, connect } = await startFront({ maxConnections: 10_000 });
      execFileSync("prlimit", ["--pid", String(child.pid), "--nofile=64:64"]);
      const CLIENTS = 120;
      for (let i = 0; i < CLIENTS; i++) await connect();
      const paused = hear("cpuMs");
      tell({ countPauses: 5 });
      const { cpuMs, elapsedMs } = (await paused) as { cpuMs: number; elapsedMs: number };
      expect(elapsedMs).toBeGreaterThan(350);
      expect(cpuMs / elapsedMs).toBeLessThan(0.3);
      for (let accepted = 0; accepted < CLIENTS; ) {
        const answer = hear("stats");
        tell("reject");
        accepted = ((await answer) as { stats: { accepted: number } }).stats.accepted;
      }
    },
  );

  it("ends cleanly while connections wait and nobody closed the front", async () => {
    const { child, tell, hear, connect } = await startFront({ silenceMs: 10_000 });
    const asked = hear("connection");
    await connect();
    await asked;
    tell("exit");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it.skipIf(!isRoot || !has("nft", "ip", "unshare"))(
    "passes redirected connections through by itself while its JavaScript is busy, later where others get verdicts",
    () => {
      const output = execFileSync(
        "unshare",
        ["--net", process.execPath, "--import", "tsx", file("front-redirected.ts")],
        { encoding: "utf8" },
      );
      const { answers, whileBusy, messages, waited } = JSON.parse(output);
      expect(answers).toEqual(["hello from 203.0.113.7", "hello from 2001:db8:113::7"]);
      expect(whileBusy).toBe(true);
      for (const address of ["203.0.113.7", "2001:db8:113::7"]) {
        expect(messages).toContainEqual({
          connection: expect.objectContaining({ destination: { address, port: 443 }, reason: "http" }),
        });
      }
      expect(messages).toContainEqual({ end: expect.objectContaining({ cause: "ended" }) });
      expect(messages.at(-1).stats).toMatchObject({ unanswered: 2, passed: 2, passing: 0 });
      expect(waited).toBeGreaterThan(1.9);
    },
  );
});
