import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { validateEvent } from "../event/schema.js";
import { type LabContainer, LabDocker } from "./container.js";
import { LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

/** Spoken to in the clear, so that all of it is read whatever program speaks. */
const ALLOWED = "api.mistral.ai";
const DENIED = "api.anthropic.com";
const BODY = JSON.stringify({ model: "mistral-small", messages: [{ role: "user", content: "Hello" }] });
const CALL = ["-4", "-sS", "-m", "20", "-H", "content-type: application/json", "-d", BODY];

/** An allow-list as development containers have it: all of loopback, names, what is open, one address. */
const withIptables = (iptables: string, refuse: string) => (allowed: string) =>
  [
    "-F",
    "-A OUTPUT -o lo -j ACCEPT",
    "-A OUTPUT -m state --state ESTABLISHED,RELATED -j ACCEPT",
    `-A OUTPUT -d ${allowed} -j ACCEPT`,
    ...(refuse === "DROP" ? [] : [`-A OUTPUT -j ${refuse}`]),
    "-P OUTPUT DROP",
  ]
    .map((words) => `${iptables} ${words}`)
    .join(" && ");

const withNft = (allowed: string) =>
  `nft 'add table inet wall; add chain inet wall out { type filter hook output priority 0; policy drop; }; ` +
  `add rule inet wall out oifname "lo" accept; add rule inet wall out ct state established,related accept; ` +
  `add rule inet wall out ip daddr ${allowed} accept'`;

const FIREWALLS: readonly [string, (allowed: string) => string, "refuses" | "drops"][] = [
  [
    "iptables-nft that refuses",
    withIptables("iptables-nft", "REJECT --reject-with icmp-admin-prohibited"),
    "refuses",
  ],
  ["iptables-legacy that refuses", withIptables("iptables-legacy", "REJECT"), "refuses"],
  ["nft that drops", withNft, "drops"],
];

/** Calls ADDRESS one time after the other, and prints when each began and what became of it. */
const CALLS = `
import json, socket, sys, time
while True:
  began = time.monotonic()
  try:
    client = socket.create_connection((sys.argv[1], 80), 10)
    client.sendall(b"GET /v1/models HTTP/1.1\\r\\nHost: ${ALLOWED}\\r\\nConnection: close\\r\\n\\r\\n")
    while client.recv(65536): pass
    told = "ok"
  except OSError as error:
    told = repr(error)
  print(json.dumps([began, time.monotonic() - began, told]), flush=True)
  time.sleep(0.002)
`;

/** Connects to ADDRESS:PORT, tells its peer, and sends what it is told to, and says what comes back. */
const TALK = `
import socket, sys, threading
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
s.settimeout(None)
print("peer", *s.getpeername(), flush=True)
def receive():
  while data := s.recv(4096):
    print(data.decode(), end="", flush=True)
threading.Thread(target=receive, daemon=True).start()
for line in sys.stdin:
  s.sendall(line.encode())
`;

const ECHO = `
const greet = (socket) => socket.on("error", () => {}).pipe(socket);
require("net").createServer(greet).listen(+process.argv[2], process.argv[1], () => console.log("listening"));`;

describe.skipIf(requireLab())("a container with a firewall of its own", { timeout: 300_000 }, () => {
  let lab: Lab;
  let docker: LabDocker;
  let oximy: LabOximy;
  let allowed: string;
  let denied: string;

  beforeAll(async () => {
    lab = await createLab();
    docker = await LabDocker.start(lab);
    allowed = (await lab.addServer({ names: [ALLOWED], scheme: "http" })).v4;
    denied = (await lab.addServer({ names: [DENIED] })).v4;
    oximy = await LabOximy.start(lab, ["--verbose"]);
  }, 300_000);
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });
  afterEach(({ task }) => {
    if (task.result?.state === "fail") console.log(task.name, oximy.process.stderr.slice(-3000));
  });

  const said = (container: LabContainer, what: string) =>
    oximy.logged(new RegExp(`container ${container.id.slice(0, 12)} \\(docker\\): ${what}`));
  function create(name: string): LabContainer {
    const container = docker.create(name, "node:20");
    onTestFinished(() => container.remove());
    return container;
  }
  /** One whose firewall is there before anything else. */
  async function walled(name: string): Promise<LabContainer> {
    const container = create(name);
    container.administer(withIptables("iptables-nft", "REJECT")(allowed));
    container.spawn("sleep", ["infinity"]);
    await said(container, "captured, by rewrite");
    return container;
  }
  /** Every call works; where a busy machine lets a proof wait some go directly, until it is proved again. */
  async function expectCaptured(container: LabContainer): Promise<void> {
    const full = () =>
      oximy.events.filter(
        ({ client, trace_level }) => client.container?.id === container.id && trace_level === "full",
      );
    const before = full().length;
    const captured = () => {
      const event = full()[before];
      if (event === undefined) throw new Error("not captured");
      return event;
    };
    const codes: (number | null)[] = [];
    const event = await vi.waitFor(
      async () => {
        const call = await container.exec("curl", [...CALL, `http://${ALLOWED}/v1/chat/completions`]);
        codes.push(call.code);
        return vi.waitFor(captured, { timeout: 2_000 });
      },
      { timeout: 60_000 },
    );
    expect(codes.filter((code) => code !== 0)).toEqual([]);
    validateEvent(event);
    expect(event).toMatchObject({ metadata: { via: "plain" }, client: { name: "curl" } });
    expect(event).toMatchObject({ interaction: { response: { content: "Hi there!" } } });
  }

  it.each(FIREWALLS)(
    "by %s, set up first: what it allows is captured, what it denies is denied",
    async (_, wall, how) => {
      const container = create("first");
      container.administer(wall(allowed));
      const without = container.administer(`curl -4 -s -m 3 https://${denied}/ || echo $?`).trim();
      container.spawn("sleep", ["infinity"]);
      await said(container, "captured, by rewrite");
      await expectCaptured(container);
      const there = await container.exec("curl", ["-4", "-s", "-m", "3", `https://${DENIED}/`]);
      expect({ ...there, without }).toMatchObject(
        how === "drops" ? { code: 28, stdout: "", without: "28" } : { code: 35, stdout: "", without: "7" }, // reset, where it was refused
      );
      expect(container.rules()).not.toContain("redirect to");
      // It comes after, and goes for a moment where a busy machine lets a proof wait.
      await expect
        .poll(() => container.rules(), { timeout: 20_000 })
        .toMatch(/table inet oximy \{[^}]*udp dport 443 [^}]*reject/);
    },
  );

  it.each(FIREWALLS)(
    "by %s, set up late: it stays captured, and what is allowed goes on",
    async (name, wall, how) => {
      const container = create("late");
      container.spawn("sleep", ["infinity"]);
      await said(container, 'captured"');
      await expectCaptured(container);
      const calls = container.spawn("/usr/bin/python3", ["-c", CALLS, allowed]).start();
      await calls.printed(/"ok"/);
      container.administer(wall(allowed));
      await said(container, "captured, by rewrite");
      await expectCaptured(container);
      await calls.stop();
      const all = calls.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as [number, number, string]);
      const failed = all.filter(([, , told]) => told !== "ok");
      const slowest = Math.max(...all.map(([, took]) => took));
      const lasted = failed.length && failed.at(-1)![0] - failed[0]![0];
      console.log(
        `${name}: ${failed.length} of ${all.length} calls failed, over ${Math.round(lasted * 1_000)} ms; ` +
          `the slowest took ${Math.round(slowest * 1_000)} ms; ${[...new Set(failed.map(([, , told]) => told))]}`,
      );
      // What is dropped is sent again; what is refused before we know of it is not.
      if (how === "drops") expect(failed).toEqual([]);
      expect(all.at(-1)?.[2]).toBe("ok");
    },
  );

  it("that lets nothing pass over loopback is left alone", async () => {
    const container = create("no-loopback");
    container.administer(withNft(allowed).replace('oifname "lo" accept', 'oifname "lo" drop'));
    container.spawn("sleep", ["infinity"]);
    await oximy.logged(new RegExp(`container ${container.id.slice(0, 12)} .* is left alone`));
    expect(container.rules()).not.toContain("table inet oximy");
    const call = await container.exec("curl", [...CALL, `http://${ALLOWED}/v1/chat/completions`]);
    expect(call).toMatchObject({ code: 0, stdout: expect.stringContaining("Hi there!") });
  });

  it("has the peer that it asked for, and servers of its own at its own address", async () => {
    const container = await walled("own");
    const server = container.spawn("node", ["-e", ECHO, container.address, "443"]).start();
    await server.printed(/listening/);
    const client = container.spawn("/usr/bin/python3", ["-c", TALK, container.address, "443"]).start();
    await client.printed(new RegExp(`peer ${container.address} 443`));
    client.child.stdin.write("to myself\n");
    await client.printed(/to myself/);
    await client.stop();
    await server.stop();
  });

  it("and with another transparent proxy, which knows its own by their user, goes in no circle", async () => {
    const container = await walled("mesh");
    // One that redirects what others than itself send; it has no more than their connections to lose.
    const mesh = container.spawn("node", ["-e", ECHO, "127.0.0.1", "15001"], { uid: 1337 }).start();
    await mesh.printed(/listening/);
    container.administer(
      `nft 'add table ip mesh; add chain ip mesh out { type nat hook output priority -100; }; ` +
        `add rule ip mesh out meta skuid != 1337 tcp dport 80 redirect to :15001'`,
    );
    await said(container, "captured, by rewrite.*\\n(.*\\n)*.*captured");
    // Its own connections pass it by: those that we make for them as well.
    const own = await container.exec("curl", [...CALL, `http://${ALLOWED}/v1/chat/completions`], {
      uid: 1337,
    });
    expect(own).toMatchObject({ code: 0, stdout: expect.stringContaining("Hi there!") });
    await mesh.stop();
  });

  it("has its network back at once when the supervisor is killed, and what was open before goes on", async () => {
    const echo = lab.internet.spawn("node", ["-e", ECHO, allowed, "443"]);
    await echo.printed(/listening/);
    const container = create("killed");
    container.administer(withIptables("iptables-nft", "REJECT")(allowed));
    // Outside of the container's control group nobody takes it for one.
    const early = lab.machine.spawn("nsenter", [
      ...[`--net=/run/netns/${container.space}`, "python3", "-c", TALK, allowed, "443"],
    ]);
    await early.printed(/peer/);
    container.spawn("sleep", ["infinity"]);
    await said(container, "captured, by rewrite");
    const calls = container.spawn("/usr/bin/python3", ["-u", "-c", OWN_ADDRESSES, allowed]).start();
    await calls.printed(/127\.0\.0\.1 /);
    early.child.stdin.write("captured\n");
    await early.printed(/captured/);
    const killed = performance.now();
    oximy.process.kill("SIGKILL");
    await calls.printed(new RegExp(`^${container.address.replaceAll(".", "\\.")} ok`, "m"));
    console.log(`connections went directly ${Math.round(performance.now() - killed)} ms after the kill`);
    await oximy.process.exited;
    early.child.stdin.write("killed\n");
    await early.printed(/killed/);
    await calls.stop();
    await early.stop();
    await echo.stop();
    oximy = await LabOximy.start(lab, ["--verbose"]);
  });
});

/** Connects to ADDRESS one time after the other, and prints from where it did. */
const OWN_ADDRESSES = `
import socket, sys, time
while True:
  try:
    with socket.create_connection((sys.argv[1], 80), 5) as client:
      print(client.getsockname()[0], "ok")
  except OSError as error:
    print(repr(error))
  time.sleep(0.005)
`;
