import { execFileSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { loadNative, NATIVE_BINARIES } from "../../src/native/native.js";
import { isRoot, listenOn, NOBODY, start, startClient } from "./clients.js";

const native = loadNative();
const failure = native.attachConnectRecorder([]);
native.detachConnectRecorder();
if (isRoot && failure !== null) console.warn(`connections cannot be recorded here: ${failure}`);

describe.skipIf(failure !== null)("the record of who connected", () => {
  afterEach(() => native.detachConnectRecorder());

  it.each([
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "::1"],
    ["127.0.0.1", "::ffff:127.0.0.1"],
  ])("has the process and its ancestors: listener on %s, client to %s", async (listenHost, connectHost) => {
    native.attachConnectRecorder([]);
    await using acceptor = await listenOn(listenHost);
    await using client = startClient(connectHost, acceptor.port);
    const { tuple } = await acceptor.accepted();
    const { cookie } = native.socketOwner(tuple)!;
    const executable = fs.realpathSync(process.execPath);
    for (const record of [native.connectRecord(tuple, cookie), native.connectRecord(tuple, null)]) {
      expect(record).toMatchObject({ cookie, pid: client.pid, uid: 0, name: "node", path: executable });
    }
    const [itself, parent] = native.recordedProcesses(tuple, cookie);
    expect(itself).toEqual(native.processInfo(client.pid));
    expect(parent).toEqual(native.processInfo(process.pid));
  });

  it("is there for every client that had ended before it was looked up", async () => {
    native.attachConnectRecorder([]);
    await using acceptor = await listenOn("127.0.0.1");
    for (let i = 0; i < 20; i++) {
      const script = `exec 3<>/dev/tcp/127.0.0.1/${acceptor.port}`;
      await using client = start("bash", ["-c", script], { uid: NOBODY, gid: NOBODY });
      await once(client.process, "exit");
      const { tuple } = await acceptor.accepted();
      const owner = native.socketOwner(tuple);
      expect(native.connectRecord(tuple, owner?.cookie ?? null)).toMatchObject({
        pid: client.pid,
        uid: NOBODY,
        name: "bash",
      });
      expect(native.processInfo(client.pid)).toBeNull();
    }
  });

  it("is there for a client that reset its connection, of which the kernel knows nothing more", async () => {
    native.attachConnectRecorder([]);
    for (const host of ["127.0.0.1", "::1"]) {
      await using acceptor = await listenOn(host);
      const client = net.connect(acceptor.port, host);
      const { tuple, socket } = await acceptor.accepted();
      client.resetAndDestroy();
      socket.resume();
      await new Promise((resolve) => socket.once("close", resolve)); // once() would reject on the reset
      expect(native.socketOwner(tuple)).toBeNull();
      expect(native.connectRecord(tuple, null)).toMatchObject({ pid: process.pid, name: expect.any(String) });
      expect(native.recordedProcesses(tuple, null)[0]?.pid).toBe(process.pid);
    }
  });

  it("is the process, when a thread connects", async () => {
    native.attachConnectRecorder([]);
    await using acceptor = await listenOn("127.0.0.1");
    const script = `new (require("worker_threads").Worker)(
      'require("net").connect(${acceptor.port}, "127.0.0.1").on("error", () => {})', { eval: true })`;
    await using client = start(process.execPath, ["-e", script]);
    const { tuple } = await acceptor.accepted();
    expect(native.connectRecord(tuple, null)?.pid).toBe(client.pid);
  });

  it("is kept for the wanted ports only", async () => {
    await using wanted = await listenOn("127.0.0.1");
    await using other = await listenOn("127.0.0.1");
    native.attachConnectRecorder([1, wanted.port, 2]);
    const clients = [wanted, other].map(({ port }) => net.connect(port, "127.0.0.1"));
    expect(native.connectRecord((await wanted.accepted()).tuple, null)?.pid).toBe(process.pid);
    expect(native.connectRecord((await other.accepted()).tuple, null)).toBeNull();
    for (const client of clients) client.destroy();
  });

  it("is not kept for processes of the unwanted group", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    native.attachConnectRecorder([], NOBODY);
    const script = `exec 3<>/dev/tcp/127.0.0.1/${acceptor.port}; read`;
    for (const gid of [NOBODY, NOBODY - 1]) {
      await using client = start("bash", ["-c", script], { gid });
      const { tuple } = await acceptor.accepted();
      const { cookie } = native.socketOwner(tuple)!;
      expect(native.connectRecord(tuple, cookie)?.pid).toBe(gid === NOBODY ? undefined : client.pid);
    }
  });

  it("leaves other network namespaces alone", () => {
    native.attachConnectRecorder([]);
    const script = `
      const native = process.argv.slice(1).map((file) => { try { return require(file); } catch {} }).find(Boolean);
      require("node:child_process").execFileSync("ip", ["link", "set", "lo", "up"]);
      const server = require("node:net").createServer((socket) => {
        const { remoteAddress, remotePort, localAddress, localPort } = socket;
        const tuple = { local: { address: remoteAddress, port: remotePort }, remote: { address: localAddress, port: localPort } };
        console.log(JSON.stringify({ tuple, cookie: String(native.socketOwner(tuple).cookie) }));
        process.exit();
      }).listen(0, "127.0.0.1", () => require("node:net").connect(server.address().port, "127.0.0.1"));`;
    const output = execFileSync(
      "unshare",
      ["--net", process.execPath, "-e", script, "--", ...NATIVE_BINARIES],
      {
        encoding: "utf8",
      },
    );
    const { tuple, cookie } = JSON.parse(output);
    expect(native.connectRecord(tuple, BigInt(cookie))).toBeNull();
    expect(native.connectRecord(tuple, null)).toBeNull();
  });

  it("ends with the recorder", async () => {
    native.attachConnectRecorder([]);
    await using acceptor = await listenOn("127.0.0.1");
    const client = net.connect(acceptor.port, "127.0.0.1");
    const { tuple } = await acceptor.accepted();
    expect(native.connectRecord(tuple, null)).not.toBeNull();
    native.detachConnectRecorder();
    expect(native.connectRecord(tuple, null)).toBeNull();
    expect(native.recordedProcesses(tuple, null)).toEqual([]);
    client.destroy();
  });
});

describe("recording without the right to", () => {
  it.skipIf(isRoot)("says why it cannot", () => {
    expect(native.attachConnectRecorder([])).toMatch(/\w/);
  });
});
