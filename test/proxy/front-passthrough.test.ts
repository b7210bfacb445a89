import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import net from "node:net";
import { finished, pipeline } from "node:stream/promises";
import { describe, expect, it } from "vitest";
import { isNativeFrontSupported } from "../../src/proxy/accept/front-native.js";
import { closing, passAll, Rig, readAll, readAllOf, readBytes } from "./front-rig.js";

const REQUEST = "GET /v1 HTTP/1.1\r\nHost: api.example\r\n\r\n";
const MiB = 1 << 20;
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const openDescriptors = () => readdirSync("/proc/self/fd").length;

/** A passed-through connection: the client's socket and the server's, after the first request. */
async function passed(rig: Rig): Promise<[client: net.Socket, server: net.Socket]> {
  const client = rig.connect();
  client.write(REQUEST);
  const server = await rig.accepted.next();
  await readBytes(server, REQUEST.length);
  return [client, server];
}

/** Writes in uneven pieces, some of one byte, and ends. */
async function send(socket: net.Socket, bytes: Buffer): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    const size = Math.random() < 0.2 ? 1 : 1 + Math.floor(Math.random() * 300_000);
    if (!socket.write(bytes.subarray(offset, offset + size))) await once(socket, "drain");
    offset += size;
  }
  socket.end();
}

describe.skipIf(!isNativeFrontSupported()).each([
  ["a passthrough", passAll],
  ["a connection that is read", readAllOf],
] as const)("%s", (_, verdict) => {
  it("carries random transfers both ways unchanged, each side ending when it is done", async () => {
    await using rig = await Rig.open({ verdict });
    const exchange = async ([client, server]: [net.Socket, net.Socket]) => {
      const up = randomBytes(Math.floor(Math.random() * 3 * MiB));
      const down = randomBytes(Math.floor(Math.random() * 3 * MiB));
      const [gotUp, gotDown] = await Promise.all([
        readAll(server),
        readAll(client),
        send(client, up),
        send(server, down),
      ]);
      expect(sha256(gotUp)).toBe(sha256(up));
      expect(sha256(gotDown)).toBe(sha256(down));
      return up.length + down.length + REQUEST.length;
    };
    let bytes = 0;
    for (let round = 0; round < 10; round++) {
      const pairs = [await passed(rig), await passed(rig), await passed(rig), await passed(rig)];
      for (const sum of await Promise.all(pairs.map(exchange))) bytes += sum;
    }
    let reported = 0;
    for (let i = 0; i < 40; i++) {
      const end = await rig.ends.next();
      expect(end.cause).toBe("ended");
      reported += end.bytesUp + end.bytesDown;
    }
    expect(reported).toBe(bytes);
  });

  it("takes an answer after the client has ended its side, and the other way round", async () => {
    await using rig = await Rig.open({ verdict });
    const [client, server] = await passed(rig);
    client.end("the end");
    expect((await readAll(server)).toString()).toBe("the end");
    server.write("still ");
    await readBytes(client, 6);
    server.end("there");
    expect((await readAll(client)).toString()).toBe("there");

    const [client2, server2] = await passed(rig);
    server2.end();
    await readAll(client2);
    client2.end("heard");
    expect((await readAll(server2)).toString()).toBe("heard");
  });

  it.each(["client", "server"] as const)("hands a reset by the %s on to the other side", async (side) => {
    await using rig = await Rig.open({ verdict });
    const [client, server] = await passed(rig);
    const other = side === "client" ? server : client;
    (side === "client" ? client : server).resetAndDestroy();
    expect(await closing(other)).toBe("ECONNRESET");
    expect(await rig.ends.next()).toMatchObject({
      cause: `${side}_reset`,
      bytesUp: REQUEST.length,
      bytesDown: 0,
    });
  });

  it("hands a reset on that comes after the end of that side", async () => {
    await using rig = await Rig.open({ verdict });
    const [client, server] = await passed(rig);
    client.end();
    await readAll(server);
    client.resetAndDestroy();
    expect((await rig.ends.next()).cause).toBe("client_reset");
    server.write("too late"); // Node looks at a socket that has ended only when it writes
    expect(await closing(server)).toMatch(/ECONNRESET|EPIPE/);
  });

  it("delivers the whole answer of a server that resets right after it", async () => {
    await using rig = await Rig.open({ verdict });
    for (let round = 0; round < 20; round++) {
      const [client, server] = await passed(rig);
      // Unread bytes at the server: its close is a reset (RFC 9293 §3.10.4), as when an upload is refused.
      server.pause();
      // No more than fits the first window: the kernel drops at a reset what it has not sent.
      const answer = randomBytes(50_000);
      client.write(randomBytes(200_000));
      const whole = readBytes(client, answer.length);
      // Node takes 64 KB of them. Before they are there, its close would not be a reset.
      await once(server, "readable");
      server.write(answer, () => server.destroy());
      expect((await whole).equals(answer)).toBe(true);
      expect((await rig.ends.next()).cause).toBe("server_reset");
    }
  });

  it("survives resets amid bulk in both directions, and mixes no connection's bytes into another's", async () => {
    await using rig = await Rig.open({ verdict });
    for (const side of ["client", "server"] as const) {
      for (let round = 0; round < 10; round++) {
        const [client, server] = await passed(rig);
        const [resetter, sender] = side === "client" ? [client, server] : [server, client];
        const bulk = randomBytes(MiB);
        const pump = () => {
          while (sender.writable && sender.write(bulk));
        };
        sender.on("drain", pump);
        pump();
        await readBytes(resetter, 5 * MiB);
        resetter.resetAndDestroy();
        expect(await closing(sender)).toMatch(/ECONNRESET|EPIPE/);
        expect((await rig.ends.next()).cause).toBe(`${side}_reset`);

        const [next, peer] = await passed(rig);
        const clean = randomBytes(2 * MiB);
        const [got] = await Promise.all([readAll(next), send(peer, clean)]);
        expect(got.equals(clean)).toBe(true);
        next.end();
        await rig.ends.next();
      }
    }
  });

  it.each(["up", "down"] as const)("holds a fast sender back while the reader is slow: %s", async (way) => {
    await using rig = await Rig.open({ verdict });
    const [client, server] = await passed(rig);
    const [sender, reader] = way === "up" ? [client, server] : [server, client];
    reader.pause();
    let accepted = 0;
    const chunk = randomBytes(MiB);
    const sum = createHash("sha256");
    const write = () =>
      sender.write(chunk, (error) => {
        if (!error) accepted++;
      });
    while (write()) sum.update(chunk);
    sum.update(chunk);
    // Fill until nothing has been taken for a while: sockets, pipe and stream buffers are full.
    for (let before = -1; before !== accepted; ) {
      before = accepted;
      for (let i = 0; i < 8; i++) {
        write();
        sum.update(chunk);
      }
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    expect(accepted).toBeLessThan(way === "up" ? 16 : 48); // MiB; the kernel's own buffers, tcp_wmem and tcp_rmem
    const read = createHash("sha256");
    sender.end();
    await pipeline(reader, read);
    expect(read.digest("hex")).toBe(sum.digest("hex"));
  });

  it("does not stall when many small writes fill the pipe before its bytes do", async () => {
    await using rig = await Rig.open({ verdict });
    const [client, server] = await passed(rig);
    client.write(Buffer.alloc(2 * MiB)); // past the point where splicing begins
    await readBytes(server, 2 * MiB);
    server.pause();
    let sent = 0;
    for (let i = 0; i < 20_000; i++) {
      const piece = Buffer.alloc(1 + (i % 90), i);
      sent += piece.length;
      if (!client.write(piece)) await Promise.race([once(client, "drain"), new Promise(setImmediate)]);
    }
    client.end();
    expect((await readAll(server)).length).toBe(sent);
  });

  it("cuts what has been idle for the limit, and not what is still moving", async () => {
    await using rig = await Rig.open({ verdict, idleMs: 150 });
    const [idle] = await passed(rig);
    const [client, server] = await passed(rig);
    const busy = setInterval(() => client.write("."), 40);
    server.resume();
    expect(await closing(idle)).toBe("ECONNRESET");
    expect((await rig.ends.next()).cause).toBe("idle");
    expect(client.destroyed).toBe(false);
    clearInterval(busy);
    expect((await rig.ends.next()).cause).toBe("idle");
  });

  it("leaves no descriptor behind, however it ends", async () => {
    const before = openDescriptors();
    {
      // Long enough for a client that speaks, on a busy machine too; the silent ones are gone before.
      await using rig = await Rig.open({ verdict, silenceMs: 5_000 });
      const ways = [
        (client: net.Socket, server: net.Socket) => [client.end(), server.end()],
        (client: net.Socket, _: net.Socket) => [client.resetAndDestroy()],
        (_: net.Socket, server: net.Socket) => [server.resetAndDestroy()],
        (client: net.Socket, server: net.Socket) => [client.destroy(), server.end("late")],
      ];
      for (let i = 0; i < 200; i++) {
        const [client, server] = await passed(rig);
        server.resume();
        client.resume();
        ways[i % ways.length]!(client, server);
        await rig.ends.next();
        const silent = rig.connect();
        await once(silent, "connect");
        silent.resetAndDestroy();
      }
      await rig.front.close();
    }
    await new Promise(setImmediate);
    expect(openDescriptors()).toBeLessThanOrEqual(before);
  });
});

describe.skipIf(!isNativeFrontSupported())("an adopted socket", () => {
  it("goes on natively with what was read from it first", async () => {
    await using rig = await Rig.open({ verdict: passAll });
    const elsewhere = net.createServer({ allowHalfOpen: true }, (socket) =>
      socket.once("data", (first) => {
        ids.push(rig.front.adopt(socket, first as Buffer, rig.upstream));
      }),
    );
    const ids: number[] = [];
    elsewhere.listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    for (let round = 0; round < 20; round++) {
      const client = rig.own(
        net.connect({ port: (elsewhere.address() as net.AddressInfo).port, allowHalfOpen: true }),
      );
      const [up, down] = [randomBytes(1 + Math.floor(Math.random() * MiB)), randomBytes(MiB)];
      const sent = send(client, up);
      const server = await rig.accepted.next();
      const [gotUp, gotDown] = await Promise.all([
        readAll(server),
        readAll(client),
        send(server, down),
        sent,
      ]);
      expect(gotUp.equals(up)).toBe(true);
      expect(gotDown.equals(down)).toBe(true);
      const end = await rig.ends.next();
      expect(end).toMatchObject({
        id: ids.at(-1),
        cause: "ended",
        bytesUp: up.length,
        bytesDown: down.length,
      });
      await finished(client);
    }
    elsewhere.close();
  });

  it("is refused when the front is closed", async () => {
    await using rig = await Rig.open();
    await rig.front.close();
    const socket = rig.own(net.connect(rig.upstream.port, rig.upstream.address));
    await once(socket, "connect");
    expect(() => rig.front.adopt(socket, Buffer.alloc(0), rig.upstream)).toThrow("front is closed");
  });
});
