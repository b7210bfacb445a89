import { randomBytes } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { isLarge } from "../../src/capture/batch-writer.js";
import { CLOSE_CAUSES, OP, OP_WIDTH } from "../../src/capture/protocol.js";
import { TAP_CLOSE_CAUSES, TAP_OP, TAP_OP_WIDTH } from "../../src/proxy/accept/front.js";
import { isNativeFrontSupported } from "../../src/proxy/accept/front-native.js";
import { closing, Rig, type RigOptions, readAll, readAllOf, readBytes } from "./front-rig.js";

const REQUEST = "GET /v1 HTTP/1.1\r\nHost: api.example\r\n\r\n";
const MiB = 1 << 20;
const now = () => performance.timeOrigin + performance.now();

const readWith =
  (maxTapBytes: number): RigOptions["verdict"] =>
  (front, { id }, upstream) =>
    front.read(id, upstream, { maxTapBytes, hold: false });

/** A connection that is read: its id, the client's socket and the server's, after the first request. */
async function opened(rig: Rig): Promise<[id: number, client: net.Socket, server: net.Socket]> {
  const client = rig.connect();
  client.write(REQUEST);
  const { id } = await rig.connections.next();
  const server = await rig.accepted.next();
  await readBytes(server, REQUEST.length);
  return [id, client, server];
}

async function write(socket: net.Socket, bytes: Buffer, size: () => number): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    const piece = size();
    if (!socket.write(bytes.subarray(offset, offset + piece))) await once(socket, "drain");
    offset += piece;
  }
}
const uneven = () => (Math.random() < 0.2 ? 1 : 1 + Math.floor(Math.random() * 300_000));

describe.skipIf(!isNativeFrontSupported())("the tap of a connection that is read", () => {
  it("has every byte of both directions, in order, with their times", async () => {
    await using rig = await Rig.open({ verdict: readAllOf });
    const before = now();
    const [id, client, server] = await opened(rig);
    const [up, down] = [randomBytes(10 * MiB), randomBytes(10 * MiB)];
    const [gotUp, gotDown] = await Promise.all([
      readAll(server),
      readAll(client),
      write(client, up, uneven).then(() => client.end()),
      write(server, down, uneven).then(() => server.end()),
    ]);
    const end = await rig.ends.next();
    expect(end).toMatchObject({ id, cause: "ended", bytesUp: REQUEST.length + up.length });
    expect(gotUp.equals(up) && gotDown.equals(down)).toBe(true);
    expect(rig.taps.bytes(id, "request").equals(Buffer.concat([Buffer.from(REQUEST), up]))).toBe(true);
    expect(rig.taps.bytes(id, "response").equals(down)).toBe(true);
    expect(rig.taps.cause(id)).toBe("ended");
    expect(rig.taps.of(id).at(-1)!.name).toBe("close");
    const times = [before, ...rig.taps.of(id).map(({ time }) => time), now()];
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(rig.taps.lost).toEqual([]);
  });

  it("has 10,000 small writes each way", async () => {
    await using rig = await Rig.open({ verdict: readAllOf });
    const [id, client, server] = await opened(rig);
    const [up, down] = [randomBytes(10_000 * 7), randomBytes(10_000 * 11)];
    await Promise.all([
      readBytes(server, up.length),
      readBytes(client, down.length),
      write(client, up, () => 7),
      write(server, down, () => 11),
    ]);
    client.end();
    server.end();
    await rig.ends.next();
    expect(rig.taps.bytes(id, "request").subarray(REQUEST.length).equals(up)).toBe(true);
    expect(rig.taps.bytes(id, "response").equals(down)).toBe(true);
  });

  it("has what a server says first", async () => {
    await using rig = await Rig.open({ verdict: readAllOf, silenceMs: 20 });
    const client = rig.connect();
    const { id } = await rig.connections.next();
    const server = await rig.accepted.next();
    server.end("220 mail.example ESMTP\r\n");
    await readAll(client);
    client.end();
    await rig.ends.next();
    expect(rig.taps.bytes(id, "response").toString()).toBe("220 mail.example ESMTP\r\n");
    expect(rig.taps.names(id)).toEqual(["response", "endResponse", "endRequest", "close"]);
  });

  it.each([
    ["client", ["request", "endRequest", "response", "endResponse", "close"]],
    ["server", ["request", "response", "endResponse", "request", "endRequest", "close"]],
  ] as const)("tells the end of each direction after its bytes: the %s ends first", async (side, names) => {
    await using rig = await Rig.open({ verdict: readAllOf });
    const [id, client, server] = await opened(rig);
    const [first, second] = side === "client" ? [client, server] : [server, client];
    first.end("the end");
    expect((await readAll(second)).toString()).toBe("the end");
    second.end("heard");
    expect((await readAll(first)).toString()).toBe("heard");
    await rig.ends.next();
    expect(rig.taps.names(id)).toEqual(names);
    expect(rig.taps.cause(id)).toBe("ended");
  });

  it.each([
    ["client", "client_aborted"],
    ["server", "server_closed"],
  ] as const)("closes with what passed before a reset by the %s", async (side, cause) => {
    await using rig = await Rig.open({ verdict: readAllOf });
    const [id, client, server] = await opened(rig);
    client.write("more");
    server.write("answer");
    await Promise.all([readBytes(server, 4), readBytes(client, 6)]);
    const [breaks, stays] = side === "client" ? [client, server] : [server, client];
    breaks.resetAndDestroy();
    expect(await closing(stays)).toBe("ECONNRESET");
    expect((await rig.ends.next()).cause).toBe(`${side}_reset`);
    expect(rig.taps.bytes(id, "request").toString()).toBe(`${REQUEST}more`);
    expect(rig.taps.bytes(id, "response").toString()).toBe("answer");
    expect(rig.taps.cause(id)).toBe(cause);
  });

  it("has nothing but the close when nobody listens at the server", async () => {
    await using rig = await Rig.open({ verdict: readAllOf });
    rig.server.close();
    const client = rig.connect();
    client.write(REQUEST);
    expect(await closing(client)).toBe("ECONNRESET");
    const end = await rig.ends.next();
    expect(end).toMatchObject({ cause: "connect_failed", error: "ECONNREFUSED", bytesUp: 0 });
    expect(rig.taps.names(end.id)).toEqual(["close"]);
    expect(rig.taps.cause(end.id)).toBe("server_closed");
  });

  it("has each connection's own bytes when 1,000 are open", async () => {
    const CONNECTIONS = 1_000;
    await using rig = await Rig.open({ verdict: readAllOf, silenceMs: 10_000 });
    const ids = new Map<number, number>();
    const serve = async () => {
      for (let i = 0; i < CONNECTIONS; i++) {
        const server = await rig.accepted.next();
        void readAll(server).then((bytes) => server.end(Buffer.concat([bytes, bytes])));
      }
    };
    const served = serve();
    const body = (i: number) => Buffer.from(`${REQUEST}${i} ${"body".repeat(i)}`);
    const clients = await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        const client = rig.connect();
        await once(client, "connect");
        return client;
      }),
    );
    const ports = clients.map(({ localPort }) => localPort!);
    await Promise.all(
      clients.map(async (client, i) => {
        client.end(body(i));
        expect((await readAll(client)).equals(Buffer.concat([body(i), body(i)]))).toBe(true);
      }),
    );
    await served;
    for (let i = 0; i < CONNECTIONS; i++) {
      const { id, peer } = await rig.connections.next();
      ids.set(peer.port, id);
      expect((await rig.ends.next()).cause).toBe("ended");
    }
    const copies = new Map<number, { request: Buffer[]; response: Buffer[] }>();
    for (const { id, name, bytes } of rig.taps.ops) {
      if (!copies.has(id)) copies.set(id, { request: [], response: [] });
      if (name === "request" || name === "response") copies.get(id)![name].push(bytes);
    }
    for (let i = 0; i < CONNECTIONS; i++) {
      const { request, response } = copies.get(ids.get(ports[i]!)!)!;
      expect(Buffer.concat(request).equals(body(i))).toBe(true);
      expect(Buffer.concat(response).equals(Buffer.concat([body(i), body(i)]))).toBe(true);
    }
    expect(rig.front.stats()).toMatchObject({ read: CONNECTIONS, passed: CONNECTIONS, lostTaps: 0 });
  }, 60_000);

  it("ends with stopTap, and the connection goes on", async () => {
    await using rig = await Rig.open({ verdict: readAllOf });
    const [id, client, server] = await opened(rig);
    const down = randomBytes(8 * MiB);
    const got = readBytes(client, down.length);
    await write(server, down.subarray(0, 2 * MiB), uneven);
    await rig.taps.until(() => rig.taps.bytes(id, "response").length === 2 * MiB);
    rig.front.stopTap(id);
    rig.front.stopTap(id);
    // The order is on its way to the front's thread; a connection that it begins after it shows that it was obeyed.
    await opened(rig);
    await write(server, down.subarray(2 * MiB), uneven);
    expect((await got).equals(down)).toBe(true);
    client.end();
    server.end();
    expect(await rig.ends.next()).toMatchObject({ id, cause: "ended", bytesDown: down.length });
    expect(rig.taps.bytes(id, "response").equals(down.subarray(0, 2 * MiB))).toBe(true);
    expect(rig.taps.names(id)).toEqual(["request", "response"]);
    expect(rig.taps.lost).toEqual([]);
  });

  it("begins with what was read of an adopted socket before, and has the id that was chosen", async () => {
    await using rig = await Rig.open({ verdict: readAllOf });
    const ids: number[] = [];
    const elsewhere = net.createServer({ allowHalfOpen: true }, (socket) =>
      socket.once("data", (first) => {
        const options = { maxTapBytes: 32 * MiB, hold: false, tapId: 7 };
        ids.push(rig.front.adoptRead(socket, first as Buffer, rig.upstream, options));
      }),
    );
    elsewhere.listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    const { port } = elsewhere.address() as net.AddressInfo;
    const client = rig.own(net.connect({ port, allowHalfOpen: true }));
    const up = randomBytes(3 * MiB);
    const sent = write(client, up, uneven).then(() => client.end());
    const server = await rig.accepted.next();
    expect((await readAll(server)).equals(up)).toBe(true);
    await sent;
    server.end("answer");
    await readAll(client);
    expect(await rig.ends.next()).toMatchObject({ id: ids[0], cause: "ended" });
    expect(rig.taps.bytes(7, "request").equals(up)).toBe(true);
    expect(rig.taps.bytes(7, "response").toString()).toBe("answer");
    elsewhere.close();
  });
});

describe.skipIf(!isNativeFrontSupported())("what the server answers while it is held back", () => {
  const hold: RigOptions["verdict"] = (front, { id }, upstream) =>
    front.read(id, upstream, { maxTapBytes: MiB, hold: true });
  /** Longer than any test lasts: only `release` ends it. */
  const FOR_EVER = 600_000;

  /** What the client sends reaches the server; time enough for what is not held back. */
  async function goesUp(client: net.Socket, server: net.Socket): Promise<void> {
    for (let i = 0; i < 20; i++) {
      client.write("up");
      await readBytes(server, 2);
    }
  }

  it("comes with release, while the client's bytes go on at once", async () => {
    await using rig = await Rig.open({ verdict: hold, holdMs: FOR_EVER });
    const [id, client, server] = await opened(rig);
    client.on("readable", () => {}); // reads what comes into the stream's buffer
    server.write("answer");
    await goesUp(client, server);
    expect(client.readableLength).toBe(0);
    rig.front.release(id);
    expect((await readBytes(client, 6)).toString()).toBe("answer");
    rig.front.release(id);
    server.write("more");
    expect((await readBytes(client, 4)).toString()).toBe("more");
    await rig.taps.until(() => rig.taps.bytes(id, "response").length === 10);
    expect(rig.taps.bytes(id, "response").toString()).toBe("answermore");
  });

  it("comes without release after the time for it, which begins with its first byte", async () => {
    await using rig = await Rig.open({ verdict: hold, holdMs: 150 });
    const [, client, server] = await opened(rig);
    await goesUp(client, server);
    const began = performance.now();
    server.write("answer");
    await readBytes(client, 6);
    expect(performance.now() - began).toBeGreaterThan(145);
    server.write("more");
    await readBytes(client, 4);
  });

  it("comes at once when it was released before", async () => {
    await using rig = await Rig.open({
      holdMs: FOR_EVER,
      verdict: (front, connection, upstream) => {
        hold(front, connection, upstream);
        front.release(connection.id);
      },
    });
    const [, client, server] = await opened(rig);
    server.write("answer");
    expect((await readBytes(client, 6)).toString()).toBe("answer");
  });

  it("may be no more than an end, which waits too", async () => {
    await using rig = await Rig.open({ verdict: hold, holdMs: FOR_EVER });
    const [id, client, server] = await opened(rig);
    let ended = false;
    client.on("end", () => {
      ended = true;
    });
    const whole = readAll(client);
    server.end();
    await goesUp(client, server);
    expect(ended).toBe(false);
    rig.front.release(id);
    expect(await whole).toEqual(Buffer.alloc(0));
  });

  it("is not lost to the server's reset", async () => {
    await using rig = await Rig.open({ verdict: hold, holdMs: FOR_EVER });
    const [id, client, server] = await opened(rig);
    const answer = randomBytes(20_000);
    const whole = readBytes(client, answer.length);
    server.write(answer, () => server.resetAndDestroy());
    expect((await whole).equals(answer)).toBe(true);
    expect((await rig.ends.next()).cause).toBe("server_reset");
    expect(rig.taps.bytes(id, "response").equals(answer)).toBe(true);
  });

  it("is not lost when the front is destroyed", async () => {
    await using rig = await Rig.open({ verdict: hold, holdMs: FOR_EVER });
    const [id, client, server] = await opened(rig);
    const whole = readBytes(client, 6);
    await new Promise((sent) => server.write("answer", sent));
    await goesUp(client, server);
    // libuv tells a reset that is polled together with the last bytes as an end.
    const ended = new Promise((resolve) => client.once("end", resolve)); // once() would throw the reset
    const over = Promise.race([ended, closing(client)]);
    void rig.front.destroy();
    expect((await whole).toString()).toBe("answer");
    await over;
    expect((await rig.ends.next()).cause).toBe("destroyed");
    expect(rig.taps.bytes(id, "response").toString()).toBe("answer");
  });

  it("does not keep a client's reset from the server", async () => {
    await using rig = await Rig.open({ verdict: hold, holdMs: FOR_EVER });
    const [, client, server] = await opened(rig);
    await new Promise((sent) => server.write("answer", sent));
    client.resetAndDestroy();
    expect(await closing(server)).toBe("ECONNRESET");
    expect((await rig.ends.next()).cause).toBe("client_reset");
  });
});

describe.skipIf(!isNativeFrontSupported())("the tap's bound", () => {
  it("closes the tap once when nobody acknowledges, and not the connection", async () => {
    await using rig = await Rig.open({ verdict: readWith(MiB), acknowledges: false });
    const [id, client, server] = await opened(rig);
    const down = randomBytes(16 * MiB);
    const [got] = await Promise.all([readAll(client), write(server, down, uneven).then(() => server.end())]);
    expect(got.equals(down)).toBe(true);
    client.end();
    expect(await rig.ends.next()).toMatchObject({ id, cause: "ended", bytesDown: down.length });
    expect(rig.taps.lost).toEqual([id]);
    expect(rig.taps.of(id).at(-1)).toMatchObject({ name: "close", cause: "capture_lost" });
    expect(rig.taps.of(id).filter(({ name }) => name !== "request" && name !== "response").length).toBe(1);
    const copied = rig.taps.bytes(id, "response");
    expect(copied.length + REQUEST.length).toBeGreaterThan(MiB - (64 << 10));
    expect(copied.length + REQUEST.length).toBeLessThanOrEqual(MiB);
    expect(copied.equals(down.subarray(0, copied.length))).toBe(true);
    expect(rig.front.stats()).toMatchObject({ read: 1, lostTaps: 1 });
  });

  it("is never reached by who acknowledges", async () => {
    await using rig = await Rig.open({ verdict: readWith(MiB) });
    const [id, client, server] = await opened(rig);
    for (let round = 1; round <= 20; round++) {
      server.write(randomBytes(MiB / 2));
      await readBytes(client, MiB / 2);
      await rig.taps.until(() => rig.taps.bytes(id, "response").length === (round * MiB) / 2);
    }
    expect(rig.taps.lost).toEqual([]);
  });

  it("of one connection is not another's", async () => {
    await using rig = await Rig.open({ verdict: readWith(MiB), acknowledges: false });
    const [loser, client, server] = await opened(rig);
    const [other, client2, server2] = await opened(rig);
    server.write(Buffer.alloc(4 * MiB));
    await readBytes(client, 4 * MiB);
    server2.write("answer");
    await readBytes(client2, 6);
    client2.end();
    server2.end();
    await rig.ends.next();
    expect(rig.taps.lost).toEqual([loser]);
    expect(rig.taps.bytes(other, "response").toString()).toBe("answer");
    expect(rig.taps.cause(other)).toBe("ended");
  });

  /** `downloadWhileBusy` tells itself when nothing moves any more. */
  const PATIENT = { timeout: 120_000 };

  /** A download in pieces, each after a pause, whose peers are in a thread of their own while this one sleeps. */
  async function downloadWhileBusy(rig: Rig, pieces: number, size: number, pauseMs: number): Promise<string> {
    // How it ended, and how many chunks have come.
    const done = new Int32Array(new SharedArrayBuffer(8));
    const { port } = rig.front.addresses[0]!;
    const peers = new Worker(
      `const { workerData: { port, pieces, size, pauseMs, done }, parentPort } = require("node:worker_threads");
       const net = require("node:net");
       const { randomBytes } = require("node:crypto");
       const bytes = randomBytes(pieces * size);
       const serve = async (socket) => {
         for (let i = 0; i < pieces; i++) {
           if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
           socket.write(bytes.subarray(i * size, (i + 1) * size));
         }
         socket.end();
       };
       net.createServer({ noDelay: true }, (socket) => {
         parentPort.once("message", () => serve(socket));
         socket.once("data", () => parentPort.postMessage("asked"));
       }).listen(0, "127.0.0.1", function () {
         parentPort.postMessage(this.address().port);
         const client = net.connect(port, "127.0.0.1", () => client.write(${JSON.stringify(REQUEST)}));
         const got = [];
         client.on("data", (chunk) => Atomics.store(done, 1, got.push(chunk))).on("close", () => {
           Atomics.store(done, 0, Buffer.concat(got).equals(bytes) ? 1 : 2);
           Atomics.notify(done, 0);
         });
       });`,
      { eval: true, workerData: { port, pieces, size, pauseMs, done } },
    );
    try {
      const [serverPort] = (await once(peers, "message")) as [number];
      const { id } = await rig.connections.next();
      const server = { address: "127.0.0.1", port: serverPort };
      rig.front.read(id, server, { maxTapBytes: 4096 * MiB, hold: false });
      await once(peers, "message");
      peers.postMessage("send");
      // A relay that waits for this thread has come to a stop; one of a busy machine goes on.
      for (let come = -1; Atomics.wait(done, 0, 0, 10_000) === "timed-out"; come = Atomics.load(done, 1)) {
        if (come === Atomics.load(done, 1)) return "stalled";
      }
      return done[0] === 1 ? "whole" : "cut";
    } finally {
      await peers.terminate();
    }
  }

  it("in all is 64 MiB while JavaScript is busy, and the relay does not wait for it", PATIENT, async () => {
    await using rig = await Rig.open();
    expect(await downloadWhileBusy(rig, 100, MiB, 0)).toBe("whole");
    const { id } = await rig.ends.next();
    expect(rig.taps.lost).toEqual([id]);
    expect(rig.taps.bytes(id, "response").length).toBeLessThanOrEqual(65 * MiB);
  });

  it.each([
    ["in 20 large pieces", 20, MiB, 0],
    ["in 500 small ones", 500, 100, 1],
  ])(
    "in all is not reached by less while JavaScript is busy, %s",
    PATIENT,
    async (_, pieces, size, pauseMs) => {
      await using rig = await Rig.open({ tapGatherMs: 1 });
      expect(await downloadWhileBusy(rig, pieces, size, pauseMs)).toBe("whole");
      const { id } = await rig.ends.next();
      expect(rig.taps.lost).toEqual([]);
      expect(rig.taps.bytes(id, "response").length).toBe(pieces * size);
    },
  );
});

describe.skipIf(!isNativeFrontSupported())("a tap's batch", () => {
  it("has the shape of the capture thread's", () => {
    expect(OP).toMatchObject(TAP_OP);
    expect(OP_WIDTH).toBe(TAP_OP_WIDTH);
    expect(CLOSE_CAUSES).toEqual(TAP_CLOSE_CAUSES);
  });

  it("gathers all connections for the time that was set, or until one of them has ended", async () => {
    await using rig = await Rig.open({ verdict: readAllOf, tapGatherMs: 600_000 });
    const [first, client, server] = await opened(rig);
    const [second, client2, server2] = await opened(rig);
    for (let i = 0; i < 50; i++) {
      client.write("question");
      client2.write("question");
      await Promise.all([readBytes(server, 8), readBytes(server2, 8)]);
    }
    expect(rig.taps.batches).toBe(0);
    client.end();
    server.end();
    await rig.ends.next();
    expect(rig.taps.batches).toBe(1);
    expect(rig.taps.bytes(first, "request").length).toBe(REQUEST.length + 400);
    expect(rig.taps.bytes(second, "request").length).toBe(REQUEST.length + 400);
  });

  it("can be transferred to another thread, and its memory comes back for the next", async () => {
    let large = 0;
    const got: Buffer[] = [];
    await using rig = await Rig.open({
      verdict: readAllOf,
      onTap: (front, { ops, bytes }) => {
        const transfer = [ops.buffer as ArrayBuffer, bytes.buffer];
        const there = structuredClone({ ops, bytes }, { transfer });
        expect(bytes.length).toBe(0);
        let offset = 0;
        for (let at = 0; at < there.ops.length; at += TAP_OP_WIDTH) {
          const [op, , , length] = there.ops.subarray(at, at + TAP_OP_WIDTH);
          if (op !== TAP_OP.request && op !== TAP_OP.response) continue;
          if (op === TAP_OP.response) got.push(Buffer.from(there.bytes.subarray(offset, offset + length!)));
          offset += length!;
        }
        if (isLarge(there.bytes.buffer)) large++;
        front.giveTapBuffer(there.bytes.buffer);
      },
    });
    const [, client, server] = await opened(rig);
    const down = randomBytes(20 * MiB);
    const whole = readAll(client);
    await write(server, down, uneven);
    server.end();
    expect((await whole).equals(down)).toBe(true);
    client.end();
    await rig.ends.next();
    expect(Buffer.concat(got).equals(down)).toBe(true);
    expect(large).toBeGreaterThan(0);
  });
});
