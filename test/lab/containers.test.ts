import { readdirSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { OximyEvent } from "../../src/event/event.js";
import { validateEvent } from "../event/schema.js";
import { type LabContainer, LabDocker } from "./container.js";
import { mibOf } from "./memory.js";
import { ENDS, LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const FULL = process.env.OXIMY_FULL === "1";
const LONG = FULL ? 1_200_000 : 120_000;
const HOST = "api.openai.com";
/** Spoken to in the clear. */
const PLAIN = "api.mistral.ai";
const BODY = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "Hello" }] });
const POST = ["-sS", "-m", "20", "-H", "content-type: application/json", "-d", BODY];
const CALL = [...POST, `https://${HOST}/v1/chat/completions`];
/** In this time, after whatever end, the network is as it was. */
const WITHIN_MS = 1_000;

const MODELS = ["-sSv", "-m", "20", "-o", "/dev/null", `https://${HOST}/v1/models`];

/** Answers each line with it. */
const ECHO = `
const greet = (socket) => socket.on("error", () => {}).pipe(socket);
require("net").createServer(greet).listen(443, process.argv[1], () => console.log("listening"));`;

/** Sends standard input to ADDRESS, and prints what comes back. */
const TALK = `
import socket, sys, threading
s = socket.create_connection((sys.argv[1], 443))
print("connected", flush=True)
def receive():
  while data := s.recv(4096):
    print(data.decode(), end="", flush=True)
threading.Thread(target=receive, daemon=True).start()
for line in sys.stdin:
  s.sendall(line.encode())
`;

/** Says a word over each of COUNT connections to ADDRESS, all at once, and prints how many were answered. */
const BURST = `
import asyncio, sys
async def call():
  reader, writer = await asyncio.open_connection(sys.argv[1], 443)
  writer.write(b"x")
  answer = await reader.read(1)
  writer.close()
  return answer == b"x"
async def main():
  answers = await asyncio.gather(*(call() for _ in range(int(sys.argv[2]))), return_exceptions=True)
  print(sum(answer is True for answer in answers))
asyncio.run(main())
`;

/** A transparent proxy as those of a service mesh: it passes on what it was not meant to get, and says so. */
const MESH = `
import asyncio, socket, struct
async def pump(reader, writer):
  try:
    while data := await reader.read(65536):
      writer.write(data)
      await writer.drain()
  except OSError: pass
  finally: writer.close()
async def serve(reader, writer):
  raw = writer.get_extra_info("socket").getsockopt(socket.SOL_IP, 80, 16)
  port, address = struct.unpack("!2xH4s8x", raw)
  print("relayed", socket.inet_ntoa(address), flush=True)
  there = await asyncio.open_connection(socket.inet_ntoa(address), port)
  await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))
async def main():
  server = await asyncio.start_server(serve, "127.0.0.1", 15001)
  print("listening", flush=True)
  await server.serve_forever()
asyncio.run(main())
`;

describe.skipIf(requireLab())("oximy local", { timeout: 120_000 }, () => {
  let lab: Lab;
  let docker: LabDocker;
  let oximy: LabOximy;
  let address: string;

  beforeAll(async () => {
    lab = await createLab();
    docker = await LabDocker.start(lab);
    const server = await lab.addServer({ names: [HOST] });
    address = server.v4;
    await lab.addServer({ names: [PLAIN], scheme: "http" });
    oximy = await LabOximy.startReading(lab, ["--verbose"]);
  }, 120_000);
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  afterEach(({ task }) => {
    if (task.result?.state === "fail") console.log(task.name, oximy.process.stderr.slice(-1500));
  });
  const said = (container: LabContainer, what: string) =>
    oximy.logged(new RegExp(`container ${container.id.slice(0, 12)} \\(docker\\)${what}`));
  const captured = (container: LabContainer) => said(container, ": captured");
  async function eventOf<T>(call: () => Promise<T>): Promise<{ result: T; event: OximyEvent }> {
    const before = oximy.events.length;
    const result = await call();
    const event = (await oximy.captured(before + 1)).at(-1)!;
    validateEvent(event);
    return { result, event };
  }
  /** One whose first process waits. */
  async function running(name: string): Promise<LabContainer> {
    const container = docker.create(name, "node:20");
    onTestFinished(() => container.remove());
    container.spawn("sleep", ["infinity"]);
    await captured(container);
    return container;
  }

  it.each(["-4", "-6"])("sees the first connection of a container, over IPv%s", async (family) => {
    const container = docker.create(`web${family}`, "node:20");
    onTestFinished(() => container.remove());
    const waiting = container.spawn("curl", [...POST, family, `http://${PLAIN}/v1/chat/completions`]);
    await captured(container);
    const { result, event } = await eventOf(() => waiting.start().exited);
    expect(result).toMatchObject({ code: 0, stderr: "waiting\n" });
    expect(event).toMatchObject({
      trace_level: "full",
      metadata: { via: "plain" },
      client: {
        name: "curl",
        // Its name takes time that a busy machine may not have.
        container: { id: container.id, runtime: "docker" },
      },
    });
    expect([undefined, `web${family}`]).toContain(event.client.container?.name);
    expect(event.interaction?.response?.content).toBe("Hi there!");
  });

  it("is told of each by the kernel, also of one in a container", async () => {
    expect(oximy.process.stderr).not.toContain("/proc is polled");
    const outer = await running("outer");
    await setTimeout(4_000); // nobody looks for networks any more
    const inner = docker.createIn(outer);
    onTestFinished(() => {
      inner.remove();
      inner.removeCgroup();
    });
    const waiting = inner.spawn("curl", ["-4", ...CALL]);
    await captured(inner);
    const { result, event } = await eventOf(() => waiting.start().exited);
    expect(result.code).toBe(0);
    expect(event).toMatchObject({ trace_level: "full", client: { container: { id: inner.id } } });
  });

  it.each<[string, readonly string[]]>([
    ["curl", CALL],
    [
      "node",
      [
        "-e",
        `fetch("https://${HOST}/v1/chat/completions", { method: "POST", body: ${JSON.stringify(BODY)} })`,
      ],
    ],
  ])("reads what %s sends in its own TLS session", async (program, args) => {
    const container = await running(program);
    const env = { NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt" };
    const call = async () => {
      const { result, event } = await eventOf(() => container.exec(program, args, { env }));
      expect(result.code).toBe(0);
      expect(event.client).toMatchObject({ name: program, container: { id: container.id } });
      return event;
    };
    // On a busy machine the first calls of a program are over before its sites are found.
    const event = await vi.waitFor(
      async () => {
        const found = await call();
        if (found.trace_level !== "full") throw new Error(found.metadata.reason);
        expect(found.client.container).toMatchObject({ name: program, image: "node:20" });
        return found;
      },
      { timeout: 100_000 },
    );
    expect(event.metadata.via).toBe("read");
  });

  it("the server sees the container as it does without us: through the machine's own translation", async () => {
    const container = await running("seen");
    const { stdout } = await container.exec("curl", ["-sS", "-m", "20", `https://${HOST}/v1/models`]);
    expect(stdout).not.toBe("");
    expect(container.rules()).toContain("redirect to");
    const { stdout: machine } = await lab.machine.exec("nft", ["list", "ruleset"]);
    expect(machine).toContain("table inet oximy");
  });

  it("goes in no circle with another transparent proxy, which knows its own by their user", async () => {
    const container = await running("mesh");
    const mesh = container.spawn("/usr/bin/python3", ["-c", MESH], { uid: 1337 }).start();
    await mesh.printed(/listening/);
    container.administer(
      `nft 'add table ip mesh; add chain ip mesh out { type nat hook output priority -100; }; ` +
        `add rule ip mesh out meta skuid != 1337 tcp dport 443 redirect to :15001'`,
    );
    const result = await container.exec("curl", [...CALL, "-4"], { uid: 1000 });
    expect(result.code).toBe(0);
    expect(result.stdout).toContain("Hi there!");
    // Tests of the redirect go by it, too.
    const relayed = mesh.stdout.split("\n").filter((line) => line === `relayed ${address}`);
    expect(relayed.length).toBeLessThanOrEqual(1);
  });

  it("lets connections go on that were open before", async () => {
    const echo = lab.internet.spawn("node", ["-e", ECHO, "203.0.113.2"]);
    await echo.printed(/listening/);
    const container = docker.create("before", "node:20");
    onTestFinished(() => container.remove());
    // Outside of the container's control group nobody takes it for one.
    const early = lab.machine.spawn("nsenter", [
      ...[`--net=/run/netns/${container.space}`, "python3", "-c", TALK, "203.0.113.2"],
    ]);
    await early.printed(/connected/);
    early.child.stdin.write("one\n");
    await early.printed(/one/);
    container.spawn("sleep", ["infinity"]);
    await captured(container);
    early.child.stdin.write("two\n");
    await early.printed(/two/);
    await early.stop();
    await echo.stop();
  });

  it("resets no connection of a burst while root, whose sockets they need, is slow", async () => {
    const echo = lab.internet.spawn("node", ["-e", ECHO, "203.0.113.2"]);
    await echo.printed(/listening/);
    const container = await running("burst");
    const burst = container.spawn("python3", ["-c", BURST, "203.0.113.2", "600"]);
    oximy.process.kill("SIGSTOP");
    burst.start();
    await setTimeout(1_000);
    oximy.process.kill("SIGCONT");
    expect((await burst.process.exited).stdout).toBe("600\n");
    await echo.stop();
  });

  it("names each of many short containers", { timeout: LONG }, async () => {
    const total = FULL ? 200 : 8;
    const earlierEvents = oximy.events.length;
    const names: string[] = [];
    for (let i = 0; i < total; i++) {
      const container = docker.create(`short-${i}`, `image-${i}`);
      const waiting = container.spawn("curl", CALL);
      await captured(container);
      const { code, stderr } = await waiting.start().exited;
      expect(code, `call ${i}: ${stderr}`).toBe(0);
      container.remove();
      names.push(container.id);
    }
    // The events of the test before may come late.
    const found = await vi.waitFor(
      () => {
        const all = oximy.events.map(({ client }) => client.container);
        const ours = all.slice(earlierEvents).filter((container) => container?.name !== "mesh");
        expect(ours.map((container) => container?.id).sort()).toEqual([...names].sort());
        return ours;
      },
      { timeout: 60_000 },
    );
    for (const container of found) {
      const number = names.indexOf(container?.id ?? "");
      expect([undefined, `short-${number} image-${number}`]).toContain(
        container?.name && `${container.name} ${container.image}`,
      );
    }
  });
});

describe.skipIf(requireLab())("the end of oximy local", { timeout: 120_000 }, () => {
  let lab: Lab;
  let docker: LabDocker;
  beforeAll(async () => {
    lab = await createLab();
    docker = await LabDocker.start(lab);
    await lab.addServer({ names: [HOST] });
  }, 120_000);
  afterAll(() => lab?.close());

  it("lets go of a container that has ended, with every descriptor", async () => {
    const oximy = await LabOximy.start(lab, ["--verbose"]);
    onTestFinished(() => void oximy.stop());
    const { proxyPid } = oximy;
    const held = () => [oximy.process.pid, proxyPid].map((pid) => readdirSync(`/proc/${pid}/fd`).length);
    const call = (container: LabContainer) =>
      container.exec("curl", ["-sS", "-m", "20", `https://${HOST}/v1/models`]);
    const run = async () => {
      const container = docker.create("gone", "node:20");
      container.spawn("sleep", ["infinity"]);
      await oximy.logged(new RegExp(`container ${container.id.slice(0, 12)}.*: captured`));
      expect((await call(container)).code).toBe(0);
      const most = held();
      container.remove();
      return most;
    };
    await run(); // what is opened once and kept
    await vi.waitFor(() => expect(oximy.process.stderr).toMatch(/: has ended/), { timeout: 60_000 });
    const before = held();
    const most = await run();
    expect(most[0]).toBeGreaterThan(before[0]!);
    await expect.poll(held, { timeout: 60_000, interval: 200 }).toEqual(before);
  });

  it("gives back what many containers took, and says what one costs", { timeout: LONG }, async () => {
    const [together, minutes] = FULL ? [100, 10] : [4, 0.1];
    const oximy = await LabOximy.start(lab, ["--verbose"]);
    onTestFinished(() => void oximy.stop());
    const pids = [oximy.process.pid, oximy.proxyPid];
    const held = () => pids.map((pid) => readdirSync(`/proc/${pid}/fd`).length);
    const memory = () => pids.map((pid) => mibOf(pid, "VmRSS"));
    const run = async () => {
      const containers = await Promise.all(
        Array.from({ length: together }, async (_, i) => {
          const container = docker.create(`many-${i}`, "node:20");
          container.spawn("sleep", ["infinity"]);
          await oximy.logged(new RegExp(`container ${container.id.slice(0, 12)}.*: captured`));
          const calls = Array.from({ length: 3 }, () => container.exec("curl", MODELS));
          for (const { code, stderr } of await Promise.all(calls)) {
            expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
          }
          return container;
        }),
      );
      const most = held();
      for (const container of containers) container.remove();
      for (const { id } of containers)
        await oximy.logged(new RegExp(`container ${id.slice(0, 12)}.*: has ended`));
      return most;
    };
    await run(); // what is opened once and kept
    const descriptors = held();
    let most: number[] = [];
    let count = 0;
    const start = performance.now();
    const end = start + minutes * 60_000;
    // Until half of the time the caches fill: of some thousand processes each is remembered.
    let full = memory();
    for (; performance.now() < end; count += together) {
      if (performance.now() < (start + end) / 2) full = memory();
      most = await run();
    }
    // What the first ones had may not all have been given back when they were counted.
    const kept = () => held().map((open, at) => Math.max(0, open - descriptors[at]!));
    await expect.poll(kept, { timeout: 60_000, interval: 200 }).toEqual([0, 0]);
    const more = memory().map((now, at) => now - full[at]!);
    const each = most.map((open, at) => ((open - descriptors[at]!) / together).toFixed(1));
    console.log(
      `${count} containers, ${together} at once: ${each} descriptors each (supervisor, proxy); memory grew by ${more} MiB in the second half`,
    );
    expect(Math.max(...more)).toBeLessThan(30);
  });

  it.each(ENDS)(
    "by %s leaves the container its network within a second, and nothing else",
    async (_name, end) => {
      const oximy = await LabOximy.start(lab, ["--verbose"]);
      const container = docker.create("kept", "node:20");
      onTestFinished(() => container.remove());
      container.spawn("sleep", ["infinity"]);
      await oximy.logged(new RegExp(`container ${container.id.slice(0, 12)}.*: captured`));
      const { proxyPid } = oximy;
      end(oximy, proxyPid);
      const deadline = performance.now() + WITHIN_MS;
      await expect
        .poll(() => /table inet oximy \{/.test(container.rules()), { interval: 5, timeout: 10_000 })
        .toBe(false);
      const took = performance.now() - deadline + WITHIN_MS;
      const { code } = await container.exec("curl", ["-sS", "-m", "5", `https://${HOST}/v1/models`]);
      expect(code).toBe(0);
      console.log(`rules were gone after ${Math.round(took)} ms`);
      await oximy.process.exited;
      await expect.poll(() => container.rules(), { timeout: 20_000, interval: 100 }).not.toContain("oximy");
    },
  );
});
