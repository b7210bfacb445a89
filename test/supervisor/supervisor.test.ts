import type { ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { isIPv6 } from "node:net";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Identified } from "../../src/engine/engine.js";
import { Identifier } from "../../src/engine/identify.js";
import { OximyError } from "../../src/errors.js";
import type { HeldRedirect } from "../../src/supervisor/held-redirect.js";
import type { Machine } from "../../src/supervisor/machine.js";
import type { ToProxy, ToSupervisor } from "../../src/supervisor/protocol.js";
import type { SelfTestResult } from "../../src/supervisor/self-test.js";
import { Supervisor, type SupervisorOptions } from "../../src/supervisor/supervisor.js";

/** A proxy process that does what a test tells it to. */
class FakeProxy extends EventEmitter {
  readonly stdio = [null, null, null, null, new PassThrough()];
  readonly received: ToProxy[] = [];
  connected = true;
  exitCode: number | null = null;
  signalCode: NodeJS.Signals | null = null;
  answersPings = true;
  endsWhenAsked = true;

  constructor(private readonly happened: string[]) {
    super();
  }

  send(message: ToProxy): boolean {
    this.received.push(message);
    if (message.type === "start") this.say({ type: "listening", port: 4711, localPorts: [11434] });
    if (message.type === "ping" && this.answersPings) this.say({ type: "pong", id: message.id });
    if (message.type === "stop") {
      this.happened.push(`proxy stops within ${message.graceMs} ms`);
      if (this.endsWhenAsked) this.end(0, null);
    }
    return true;
  }

  kill(signal: NodeJS.Signals): boolean {
    this.happened.push(`proxy gets ${signal}`);
    this.end(null, signal);
    return true;
  }

  say(message: ToSupervisor | object): void {
    queueMicrotask(() => this.emit("message", message));
  }

  end(code: number | null, signal: NodeJS.Signals | null): void {
    this.connected = false;
    this.exitCode = code;
    this.signalCode = signal;
    queueMicrotask(() => this.emit("exit", code, signal));
  }
}

const OWNER: Identified = { owner: { kind: "unknown", reason: "no_socket" } };
const PROOFS: Record<string, SelfTestResult> = {
  arrived: { kind: "arrived" },
  noRoute: { kind: "no_route" },
  failed: { kind: "failed", reason: "IPv4: no answer within 3 s" },
};

interface Run {
  readonly supervisor: Supervisor;
  readonly proxy: FakeProxy;
  /** What was done to the machine, and what was logged, in order. */
  readonly happened: string[];
  loseRedirect(reason: string): void;
}

interface Circumstances {
  readonly proof?: SelfTestResult;
  /** Of the test connection over IPv6, where it is another one. */
  readonly proof6?: SelfTestResult;
  /** Whether the redirect can do without one family of addresses. */
  readonly leavesOut?: boolean;
  readonly installs?: () => void;
}

function run({
  proof = PROOFS.arrived!,
  proof6 = proof,
  leavesOut = false,
  installs = () => {},
  ...more
}: Circumstances & Partial<SupervisorOptions> = {}): Run {
  const happened: string[] = [];
  const proxy = new FakeProxy(happened);
  let lose = (_: string) => {};
  const redirect: HeldRedirect = {
    withdraw: async () => void happened.push("redirect withdrawn"),
    restore: async () => void happened.push("redirect restored"),
    leaveOut: async (family) => {
      if (leavesOut) happened.push(`redirect without ${family}`);
      return leavesOut;
    },
    remove: async () => void happened.push("redirect removed"),
  };
  const machine: Machine = {
    startProxy: (home) => {
      happened.push(`proxy started for ${home}`);
      return proxy as unknown as ChildProcess;
    },
    holdRedirect: async ({ listenerPort, ports, localPorts }, onLost) => {
      installs();
      lose = onLost;
      happened.push(`redirect of ${[...ports, ...localPorts]} to ${listenerPort}`);
      return redirect;
    },
    selfTest: async (address) => (isIPv6(address) ? proof6 : proof),
  };
  const note = (level: string) => (line: string) => void happened.push(`${level}: ${line}`);
  const identifier = new Identifier(
    { lookup: async () => OWNER.owner, close: async () => void happened.push("lookups closed") },
    { read: async () => undefined },
  );
  const supervisor = new Supervisor({
    settings: {} as SupervisorOptions["settings"],
    invokingUser: { uid: 1000, gid: 1000, home: "/home/ann" } as SupervisorOptions["invokingUser"],
    identifier,
    certificatePath: "/nowhere",
    prepareLookups: () => void happened.push("lookups prepared"),
    ports: [80, 443],
    localModels: false,
    allowQuic: false,
    json: false,
    showContent: false,
    verbose: false,
    quiet: false,
    log: { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") },
    machine,
    ...more,
  });
  return { supervisor, proxy, happened, loseRedirect: (reason) => lose(reason) };
}

const STARTED = ["proxy started for /home/ann", "lookups prepared", "redirect of 80,443 to 4711"];
const TAKEN_DOWN = (graceMs: number) => [
  "redirect withdrawn",
  `proxy stops within ${graceMs} ms`,
  "redirect removed",
  "lookups closed",
];

describe("a run of the supervisor", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("starts the proxy first and the redirect last, and ends in reverse", async () => {
    const { supervisor, happened } = run();
    await supervisor.start();
    expect(happened).toEqual(STARTED);
    await supervisor.stop();
    expect(happened.slice(STARTED.length)).toEqual(TAKEN_DOWN(2_000));
    expect(await supervisor.ended).toEqual({ kind: "stopped" });
  });

  it("redirects local models where they are asked for", async () => {
    const { supervisor, happened } = run({ localModels: true });
    await supervisor.start();
    expect(happened).toContain("redirect of 80,443,11434 to 4711");
  });

  it("takes everything down when the rules cannot be installed", async () => {
    const refused = new OximyError("OXIMY_E_REDIRECT", "no", "none");
    const { supervisor, happened } = run({
      installs: () => {
        throw refused;
      },
    });
    await expect(supervisor.start()).rejects.toBe(refused);
    expect(happened.slice(2)).toEqual(["proxy stops within 0 ms", "lookups closed"]);
  });

  it("takes everything down when a test connection does not arrive", async () => {
    const { supervisor, happened } = run({ proof: PROOFS.failed! });
    await expect(supervisor.start()).rejects.toMatchObject({ code: "OXIMY_E_SELF_TEST" });
    expect(happened.slice(STARTED.length)).toEqual(TAKEN_DOWN(0));
  });

  const FAILED6: SelfTestResult = { kind: "failed", reason: "IPv6: no answer within 3 s" };

  it("goes on with the addresses whose test connection arrives, and says which are not captured", async () => {
    const { supervisor, happened } = run({ proof6: FAILED6, leavesOut: true });
    await supervisor.start();
    expect(happened.slice(STARTED.length)).toEqual([
      "redirect without IPv6",
      "warn: redirect: IPv6: no answer within 3 s; connections over IPv6 are not captured",
    ]);
  });

  it.each([
    ["where the redirect cannot do without them", { proof6: FAILED6, leavesOut: false }],
    ["where no other test connection arrives", { proof: PROOFS.noRoute!, proof6: FAILED6, leavesOut: true }],
  ])("takes everything down for one kind of addresses %s", async (_, circumstances) => {
    const { supervisor, happened } = run(circumstances);
    await expect(supervisor.start()).rejects.toMatchObject({ code: "OXIMY_E_SELF_TEST" });
    expect(happened.slice(STARTED.length)).toEqual(TAKEN_DOWN(0));
  });

  it("goes on where there is no way out of the machine yet", async () => {
    const { supervisor, happened } = run({ proof: PROOFS.noRoute! });
    await supervisor.start();
    expect(happened.at(-1)).toMatch(/^warn: This machine has no route to the internet now/);
  });

  it.each([
    { code: 1, signal: null, how: "ended with 1" },
    { code: null, signal: "SIGKILL", how: "killed by SIGKILL" },
  ] as const)("ends when the proxy has $how, with the redirect out", async ({ code, signal, how }) => {
    const { supervisor, proxy, happened } = run();
    await supervisor.start();
    proxy.end(code, signal);
    const end = await supervisor.ended;
    expect(end).toMatchObject({ kind: "failed", error: { code: "OXIMY_E_PROXY_DIED" } });
    expect(end.kind === "failed" && end.error.message).toContain(how);
    expect(happened.slice(STARTED.length)).toEqual([
      "redirect withdrawn",
      "redirect removed",
      "lookups closed",
    ]);
  });

  it("does not wait for ever for a proxy that does not start", async () => {
    const { supervisor, proxy } = run();
    proxy.send = () => true;
    const started = expect(supervisor.start()).rejects.toMatchObject({ code: "OXIMY_E_PROXY_DIED" });
    await vi.advanceTimersByTimeAsync(90_000 + 6_000);
    await started;
  });

  it("tells why the proxy could not start, in its words", async () => {
    const { supervisor, proxy } = run();
    proxy.send = ({ type }) => {
      const failed = { type: "failed", code: "OXIMY_E_FILE", message: "no room", advice: "make some" };
      if (type === "start") proxy.say(failed);
      else proxy.end(1, null);
      return true;
    };
    await expect(supervisor.start()).rejects.toMatchObject({ code: "OXIMY_E_FILE", advice: "make some" });
  });

  it("kills a proxy that does not end when it is asked to", async () => {
    const { supervisor, proxy, happened } = run();
    await supervisor.start();
    proxy.endsWhenAsked = false;
    const stopped = supervisor.stop();
    await vi.advanceTimersByTimeAsync(2_000 + 6_000);
    await stopped;
    expect(happened).toContain("proxy gets SIGKILL");
    expect(happened.at(-1)).toBe("lookups closed");
  });

  it("takes the redirect out while the proxy does not answer, and puts it back when it does", async () => {
    const { supervisor, proxy, happened } = run();
    await supervisor.start();
    proxy.answersPings = false;
    await vi.advanceTimersByTimeAsync(6_000);
    expect(happened.slice(STARTED.length)).toEqual([
      "error: proxy: does not answer; connections go directly until it does",
      "redirect withdrawn",
    ]);
    proxy.answersPings = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(happened.slice(-2)).toEqual(["redirect restored", "info: proxy: answers again; capturing"]);
  });

  it("takes the redirect out while there is no room for connections", async () => {
    const { supervisor, proxy, happened } = run();
    await supervisor.start();
    const crowd = { type: "crowd", held: 750, most: 1_000 };
    proxy.say({ ...crowd, state: "crowded" });
    proxy.say({ ...crowd, state: "crowded" });
    await vi.advanceTimersByTimeAsync(0);
    expect(happened.slice(STARTED.length)).toEqual([
      expect.stringMatching(/^error: proxy: 750 connections are open, of 1000/),
      "redirect withdrawn",
    ]);
    proxy.say({ ...crowd, held: 400, state: "room" });
    await vi.advanceTimersByTimeAsync(0);
    expect(happened.at(-2)).toBe("redirect restored");
  });

  it("does not put the redirect back for a proxy that answers and has no room", async () => {
    const { supervisor, proxy, happened } = run();
    await supervisor.start();
    proxy.say({ type: "crowd", state: "crowded", held: 750, most: 1_000 });
    proxy.answersPings = false;
    await vi.advanceTimersByTimeAsync(6_000);
    proxy.answersPings = true;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(happened).not.toContain("redirect restored");
  });

  it("ends when somebody takes the rules away", async () => {
    const { supervisor, happened, loseRedirect } = run();
    await supervisor.start();
    loseRedirect("the table is gone");
    expect(await supervisor.ended).toMatchObject({ kind: "failed", error: { code: "OXIMY_E_REDIRECT" } });
    expect(happened).toContain("error: redirect: lost (the table is gone)");
    expect(happened.at(-1)).toBe("lookups closed");
  });

  it("answers who a client is, and ignores what is no message", async () => {
    const { supervisor, proxy } = run();
    await supervisor.start();
    const tuple = { local: { address: "127.0.0.1", port: 1 }, remote: { address: "192.0.2.9", port: 443 } };
    proxy.say({ type: "lookup", id: 7, tuple });
    proxy.say({ type: "lookup", id: "7", tuple });
    proxy.say({ type: "constructor" });
    await vi.advanceTimersByTimeAsync(0);
    expect(proxy.received.filter(({ type }) => type === "client")).toEqual([
      { type: "client", id: 7, client: JSON.stringify(OWNER) },
    ]);
  });

  it("refuses certificates where nothing is intercepted", async () => {
    const { supervisor, proxy } = run();
    await supervisor.start();
    proxy.say({ type: "sign", id: 1, host: "api.openai.com", port: 443, key: "x" });
    await vi.advanceTimersByTimeAsync(0);
    expect(proxy.received.at(-1)).toEqual({
      type: "signed",
      id: 1,
      answer: { kind: "refused", why: "nothing is intercepted" },
    });
  });

  it("stops once, however often it is asked to", async () => {
    const { supervisor, proxy, happened } = run();
    await supervisor.start();
    proxy.say({ type: "stop_requested" });
    await Promise.all([supervisor.stop(), supervisor.stop()]);
    expect(happened.slice(STARTED.length)).toEqual(TAKEN_DOWN(2_000));
  });
});
