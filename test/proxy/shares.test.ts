import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { UnreadConnection } from "../../src/connection/connection.js";
import type { Crowd } from "../../src/proxy/accept/accepted-connection.js";
import { listen, watchCrowd } from "../../src/proxy/accept/listener.js";
import { DataPlane } from "../../src/proxy/data-plane.js";
import { UpstreamConnector } from "../../src/proxy/upstream/upstream.js";
import type { KnownClient } from "../../src/proxy/verdict/client.js";
import { PassedOver } from "../../src/proxy/verdict/passed-over.js";
import { Inbox } from "./front-rig.js";
import { INTERCEPT_ALL, trustBook } from "./trust-rig.js";

const ofUser = (uid: number): KnownClient => ({
  owner: { kind: "process", process: { pid: uid, uid, name: "client" }, ancestors: [] },
});

describe("of the connections that are read at a time", () => {
  let plane: DataPlane;
  let port: number;
  let user: KnownClient;
  let lines: string[];
  const unread = new Inbox<UnreadConnection>();
  const closers: Array<() => void> = [];
  const sockets: Socket[] = [];

  beforeEach(async () => {
    const server = createServer((socket) => socket.on("error", () => {}).resume()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const target = { address: "127.0.0.1", port: (server.address() as AddressInfo).port };
    lines = [];
    const passedOver = new PassedOver((line) => lines.push(line));
    plane = new DataPlane({
      issuer: () => {
        throw new Error("nothing is minted for plain requests");
      },
      upstream: new UpstreamConnector({ roots: [], env: {} }),
      taps: {
        open: () => ({ push() {}, end() {}, close() {} }),
        openCopied: () => ({ abandon() {}, close() {} }),
        unread: (end) => unread.put(end),
      },
      route: () => target,
      policy: () => INTERCEPT_ALL,
      trust: trustBook(),
      maxIntercepted: 4,
      onPassthrough: (...passage) => passedOver.add(...passage),
    });
    const listener = await listen({
      port: 0,
      originalDestination: () => null,
      onAccept: () => user,
      onConnection: (arrival, client) =>
        void plane.handle(
          { ...arrival, destination: { address: "192.0.2.1", port: 80 } },
          Promise.resolve(client as KnownClient),
        ),
    });
    port = listener.port;
    closers.push(() => {
      listener.close();
      listener.destroy();
      server.close();
    });
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const close of closers.splice(0)) close();
  });

  /** One that asks and is never answered; resolves when it was decided on. */
  async function open(uid: number): Promise<"read" | "passed"> {
    user = ofUser(uid);
    const before = { ...plane.stats };
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    sockets.push(socket);
    socket.write("GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
    const decided = () =>
      plane.stats.intercepted + plane.stats.passedThrough > before.intercepted + before.passedThrough;
    await expect.poll(decided).toBe(true);
    return plane.stats.intercepted > before.intercepted ? "read" : "passed";
  }

  it("a user has half; his newest pass through, which is said once, and others are read", async () => {
    const of = async (uid: number, count: number) => {
      const found: string[] = [];
      for (let index = 0; index < count; index++) found.push(await open(uid));
      return found;
    };
    expect(await of(1000, 4)).toEqual(["read", "read", "passed", "passed"]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^More connections of user 1000 are open than are read at a time/);
    expect(await of(1001, 1)).toEqual(["read"]);
    // What ends makes room for its user.
    sockets[0]!.destroy();
    await expect.poll(() => plane.stats.open).toBe(4);
    expect(await of(1000, 2)).toEqual(["read", "passed"]);
    for (const socket of sockets) socket.destroy();
    expect((await unread.next()).reason).toMatch(/too_many_connections|upstream_unreachable/);
  });
});

describe("a crowd", () => {
  it("is told when it is there, and when there is room, each once", async () => {
    const told = new Inbox<Crowd>();
    const stats = { peeking: 0, waiting: 0, passing: 74, acceptPauses: 0, maxConnections: 100 };
    const timer = watchCrowd(() => stats, told.put);
    try {
      stats.peeking = 1;
      expect(await told.next()).toEqual({ state: "crowded", held: 75, most: 100 });
      stats.passing = 50; // still more than the half
      stats.passing = 49;
      expect(await told.next()).toEqual({ state: "room", held: 50, most: 100 });
      // A pause is a crowd, however short it was: it may have been for want of descriptors.
      stats.acceptPauses = 1;
      expect(await told.next()).toMatchObject({ state: "crowded" });
      expect(await told.next()).toMatchObject({ state: "room" });
      expect(told.size).toBe(0);
    } finally {
      clearInterval(timer);
    }
  });
});
