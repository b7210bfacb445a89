import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { describe, expect, it } from "vitest";
import { loadNative, NATIVE_BINARIES } from "../../src/native/native.js";
import { isRoot } from "./clients.js";

const native = loadNative();
const hasTools = ["nft", "ip", "unshare"].every((tool) => spawnSync("which", [tool]).status === 0);

/**
 * Runs in a network namespace of its own, which is gone with the process: a redirect, a dual-stack listener and
 * a client for each address; prints what the addon says of each accepted connection.
 */
const SCRIPT = `
const { execFileSync } = require("node:child_process");
const { createRequire } = require("node:module");
const net = require("node:net");
const native = process.argv.slice(1).map((file) => { try { return require(file); } catch {} }).find(Boolean);
const run = (line) => execFileSync("ip", line.split(" "));
run("link set lo up");
run("link add out type veth peer name in");
run("link set out up");
run("link set in up");
run("addr add 203.0.113.1/24 dev out");
run("addr add 2001:db8:113::1/64 dev out nodad");
const server = net.createServer((socket) => {
  console.log(JSON.stringify(native.originalDestination(socket._handle.fd)));
  socket.destroy();
});
server.listen(0, "::", async () => {
  execFileSync("nft", ["-f", "-"], { input: \`add table inet t
    add chain inet t c { type nat hook output priority -100; }
    add rule inet t c oifname "lo" return
    add rule inet t c tcp dport 443 redirect to :\${server.address().port}\` });
  for (const [host, port] of [["203.0.113.7", 443], ["2001:db8:113::7", 443], ["::ffff:203.0.113.8", 443],
    ["127.0.0.1", server.address().port]]) {
    await new Promise((resolve) => net.connect(port, host).on("error", () => {}).on("close", resolve).resume());
  }
  server.close();
});
`;

describe.skipIf(native.implementation !== "linux")("the original destination", () => {
  it("is null for a connection that was not redirected, and for no socket at all", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
    const [socket] = (await once(server, "connection")) as [net.Socket & { _handle: { fd: number } }];
    expect(native.originalDestination(socket._handle.fd)).toBeNull();
    expect(native.originalDestination(-1)).toBeNull();
    client.destroy();
    socket.destroy();
    server.close();
  });

  it.skipIf(!isRoot || !hasTools)("is where the client meant to go: IPv4, IPv6 and IPv4-mapped", () => {
    const output = execFileSync(
      "unshare",
      ["--net", process.execPath, "-e", SCRIPT, "--", ...NATIVE_BINARIES],
      { encoding: "utf8" },
    );
    expect(
      output
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { address: "203.0.113.7", port: 443 },
      { address: "2001:db8:113::7", port: 443 },
      { address: "203.0.113.8", port: 443 },
      // NAT tracks this connection too, so conntrack knows where it goes: to the listener itself.
      { address: "127.0.0.1", port: expect.any(Number) },
    ]);
  });
});
