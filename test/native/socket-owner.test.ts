import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import { describe, expect, it } from "vitest";
import { loadNative } from "../../src/native/native.js";
import { isRoot, listenOn, NOBODY, startClient } from "./clients.js";

const native = loadNative();

/** Inodes of all sockets that this process holds. */
function ownSocketInodes(): number[] {
  return fs.readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const link = fs.readlinkSync(`/proc/self/fd/${fd}`);
      return link.startsWith("socket:[") ? [Number(link.slice(8, -1))] : [];
    } catch {
      return []; // the descriptor of the listing itself is gone by now
    }
  });
}

describe.skipIf(native.implementation !== "linux")("the owner of a client's socket", () => {
  it.each([
    ["IPv4", "127.0.0.1", "127.0.0.1"],
    ["IPv6", "::1", "::1"],
    ["an IPv4 client of a dual-stack listener", "::", "127.0.0.1"],
    ["a dual-stack client with mapped addresses", "127.0.0.1", "::ffff:127.0.0.1"],
  ])("is found by the exact tuple: %s", async (_, listenHost, connectHost) => {
    await using acceptor = await listenOn(listenHost);
    const client = net.connect(acceptor.port, connectHost);
    const { tuple } = await acceptor.accepted();
    const owner = native.socketOwner(tuple);
    expect(owner).toMatchObject({ uid: process.getuid!(), pid: null });
    expect(ownSocketInodes()).toContain(owner!.inode);
    expect(owner!.cookie).toBeGreaterThan(0n);
    client.destroy();
  });

  it("takes the mapped form of an address too", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    const client = net.connect(acceptor.port, "127.0.0.1");
    const { tuple } = await acceptor.accepted();
    const mapped = {
      local: { ...tuple.local, address: `::ffff:${tuple.local.address}` },
      remote: { ...tuple.remote, address: `::ffff:${tuple.remote.address}` },
    };
    expect(native.socketOwner(mapped)?.cookie).toBe(native.socketOwner(tuple)?.cookie);
    client.destroy();
  });

  it("is not the listener that has the same local port", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    const local = { address: "127.0.0.1", port: acceptor.port };
    expect(native.socketOwner({ local, remote: { address: "127.0.0.1", port: 1 } })).toBeNull();
  });

  it("is null for a tuple that no socket has", () => {
    const nowhere = { address: "192.0.2.1", port: 1 };
    expect(native.socketOwner({ local: nowhere, remote: nowhere })).toBeNull();
    expect(native.socketOwner({ local: nowhere, remote: { address: "::1", port: 1 } })).toBeNull();
  });

  it("has no inode but the same cookie once the client has closed", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    const client = net.connect({ port: acceptor.port, host: "127.0.0.1", allowHalfOpen: true });
    const { tuple, socket } = await acceptor.accepted();
    const alive = native.socketOwner(tuple)!;
    client.destroy();
    socket.resume();
    await once(socket, "end");
    expect(native.socketOwner(tuple)).toMatchObject({ inode: 0, cookie: alive.cookie });
  });

  it.skipIf(!isRoot)("carries the user of another user's process", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    await using _client = startClient("127.0.0.1", acceptor.port, { uid: NOBODY, gid: NOBODY });
    const { tuple } = await acceptor.accepted();
    expect(native.socketOwner(tuple)?.uid).toBe(NOBODY);
  });

  it("throws a TypeError for what is not a tuple", () => {
    const call = (tuple: unknown) => () => native.socketOwner(tuple as never);
    const port1 = { address: "127.0.0.1", port: 1 };
    expect(call(undefined)).toThrow(TypeError);
    expect(call({ local: port1 })).toThrow(TypeError);
    expect(call({ local: port1, remote: { address: "example.com", port: 1 } })).toThrow(TypeError);
    expect(call({ local: port1, remote: { address: "127.0.0.1", port: 65536 } })).toThrow(RangeError);
  });
});
