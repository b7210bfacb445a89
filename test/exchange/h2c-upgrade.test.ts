import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { summary } from "./recording.js";
import { listen, startRelay } from "./relayed.js";

const run = promisify(execFile);
// The one server at hand that upgrades to h2c: Debian's nghttp2-proxy, with the client of nghttp2-client.
const isInstalled = ["nghttpx", "nghttp"].every((tool) => spawnSync(tool, ["--version"]).status === 0);

describe.skipIf(!isInstalled)("an upgrade to h2c (needs nghttpx and nghttp)", () => {
  const backend = http.createServer((request, response) => {
    request.resume();
    response.end(`answer to ${request.url}`);
  });
  let nghttpx: ChildProcess;
  let port: number;

  beforeAll(async () => {
    const backendPort = await listen(backend);
    port = await freePort();
    const args = [
      `-f127.0.0.1,${port};no-tls`,
      `-b127.0.0.1,${backendPort}`,
      "--workers=1",
      "--errorlog-file=/dev/null",
    ];
    nghttpx = spawn("nghttpx", args, { stdio: "ignore" });
    await untilListening(port);
  });

  afterAll(async () => {
    nghttpx.kill();
    await once(nghttpx, "exit");
    backend.close();
  });

  it.each([
    ["nghttp", ["-u", "-n"]],
    ["curl", ["-s", "--http2"]],
  ])("by %s is read on as HTTP/2", async (tool, args) => {
    const relay = await startRelay(port);
    await run(tool, [...args, `http://127.0.0.1:${relay.port}/one`]);
    await relay.close();
    expect(relay.report.gaveUp).toEqual([]);
    expect(relay.report.exchanges.map(summary)).toEqual(["GET /one > 200 answer to /one"]);
    expect(relay.report.exchanges[0]).toMatchObject({ protocol: "h2", streamId: 1 });
  });
});

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = net.connect(port, "127.0.0.1");
    const isUp = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return;
  }
}
