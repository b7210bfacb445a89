import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { EMBEDDED_LOCATION } from "../../src/oisp/embedded.js";
import type { ProxyStart, ToProxy, ToSupervisor } from "../../src/supervisor/protocol.js";
import { findInvokingUser } from "../../src/user/invoking-user.js";
import { defaultSettings } from "../../src/user/settings.js";
import { closing, Inbox } from "../proxy/front-rig.js";
import { own } from "../proxy/sockets.js";
import { temporaryFolder } from "../temporary-folder.js";

const ENTRY = fileURLToPath(new URL("../../src/supervisor/proxy-process.ts", import.meta.url));
const REGISTER = new URL("../typescript-threads.mjs", import.meta.url).href;

interface Proxy {
  readonly child: ChildProcess;
  readonly said: Inbox<ToSupervisor>;
  readonly exited: Promise<unknown[]>;
  readonly tell: (message: ToProxy) => void;
}

/** The proxy process, with this test for a supervisor. */
function startProxy(outputDir?: string, preload: readonly string[] = []): Proxy {
  const home = temporaryFolder();
  const child = fork(ENTRY, { execArgv: ["--import", REGISTER, ...preload] });
  const said = new Inbox<ToSupervisor>();
  child.on("message", (message: ToSupervisor) => {
    // It comes first, and is long; who signs has tests of its own.
    if (message.type !== "bundle") said.put(message);
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const start: ProxyStart = {
    type: "start",
    settings: {
      ...defaultSettings(home),
      bundleFile: EMBEDDED_LOCATION,
      outputDir: outputDir ?? join(home, "traces"),
    },
    invokingUser: findInvokingUser({ HOME: home }),
    reads: false,
    certificatePath: "/none",
    guests: false,
    selfTestNonce: "nonce",
    json: false,
    showContent: false,
    verbose: false,
    quiet: false,
  };
  const tell = (message: ToProxy) => void child.send(message);
  tell(start);
  return { child, said, exited: once(child, "exit"), tell };
}

async function listening({ said }: Proxy): Promise<number> {
  const message = await said.next();
  if (message.type !== "listening") throw new Error(JSON.stringify(message));
  return message.port;
}

// To change its group, as it does first of all, it must be root.
describe.runIf(process.getuid?.() === 0)("the proxy process", { timeout: 60_000 }, () => {
  test("says where it listens, answers pings, asks whose connections these are, and ends when told", async () => {
    const proxy = startProxy();
    const port = await listening(proxy);
    expect(port).toBeGreaterThan(0);
    proxy.tell({ type: "ping", id: 7 });
    expect(await proxy.said.next()).toEqual({ type: "pong", id: 7 });
    // Nobody redirected this client: it came to us by itself, and is sent away.
    const client = own(connect({ host: "127.0.0.1", port }));
    await once(client, "connect");
    const { localPort } = client;
    client.write("GET / HTTP/1.1\r\nhost: api.openai.com\r\n\r\n");
    const asked = await proxy.said.next();
    expect(asked).toMatchObject({ type: "lookup", tuple: { local: { port: localPort } } });
    expect(await closing(client)).toBe("ECONNRESET");
    proxy.tell({ type: "stop", graceMs: 0 });
    expect(await proxy.exited).toEqual([0, null]);
  });

  test("ends in order when its supervisor is gone, also while clients come", async () => {
    const proxy = startProxy();
    const port = await listening(proxy);
    const client = own(connect({ host: "127.0.0.1", port }));
    await once(client, "connect");
    proxy.child.disconnect();
    client.write("GET / HTTP/1.1\r\nhost: a.example\r\n\r\n");
    expect(await proxy.exited).toEqual([0, null]);
  });

  test("hands a signal of its own on to the supervisor, who ends things in order", async () => {
    const proxy = startProxy();
    await listening(proxy);
    proxy.child.kill("SIGTERM");
    expect(await proxy.said.next()).toEqual({ type: "stop_requested" });
  });

  test("is gone when its supervisor is, although its capture thread hangs in the system", {
    timeout: 150_000,
  }, async () => {
    const folder = temporaryFolder();
    const at = (name: string) => join(folder, name);
    execFileSync("mkfifo", [at("pipe")]);
    // Threads are given what their process is: from the signal on, this one waits for who would write to the pipe.
    writeFileSync(
      at("hang.cjs"),
      `const fs = require("node:fs");
       if (!require("node:worker_threads").isMainThread) setInterval(() => {
         if (!fs.existsSync(${JSON.stringify(at("now"))})) return;
         fs.writeFileSync(${JSON.stringify(at("hangs"))}, "");
         fs.openSync(${JSON.stringify(at("pipe"))}, "r");
       }, 20);`,
    );
    const proxy = startProxy(undefined, ["--require", at("hang.cjs")]);
    await listening(proxy);
    writeFileSync(at("now"), "");
    await expect.poll(() => existsSync(at("hangs")), { timeout: 10_000 }).toBe(true);
    proxy.child.disconnect();
    expect(await proxy.exited).toEqual([0, null]);
  });

  test.each([
    ["below a file", "/dev/null/traces"],
    ["where no folders are made", "/proc/oximy-traces"],
    ["deeper there", "/proc/self/oximy/traces"],
  ])("tells that it cannot start with an output folder %s, and ends", async (_, folder) => {
    const proxy = startProxy(folder);
    expect(await proxy.said.next()).toMatchObject({ type: "failed", code: "OXIMY_E_OUTPUT_DIR" });
    expect(await proxy.exited).toEqual([1, null]);
  });

  test("does not write where somebody else prepared the folder, and says whose it is", async () => {
    const folder = temporaryFolder();
    chownSync(folder, 65_534, 65_534);
    const proxy = startProxy(join(folder, "traces"));
    const failed = await proxy.said.next();
    expect(failed).toMatchObject({ type: "failed", code: "OXIMY_E_OUTPUT_DIR" });
    expect(failed).toHaveProperty(
      "message",
      expect.stringContaining(`${folder} belongs to another user (uid 65534)`),
    );
    expect(await proxy.exited).toEqual([1, null]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
