import { once } from "node:events";
import net from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isNativeFrontSupported, NativeFront } from "../../../src/proxy/accept/front-native.js";
import { clientHello, closing, passAll, Rig, readAll, readBytes, records } from "../front-rig.js";

const REQUEST = "GET /v1 HTTP/1.1\r\nHost: api.example\r\n\r\n";

describe.skipIf(!isNativeFrontSupported())("the front asks for a verdict", () => {
  it.each([
    ["a client hello", records(clientHello(500)), "client_hello"],
    ["a client hello of 16 KiB", records(clientHello(16 << 10)), "client_hello"],
    ["a client hello in records of 16 bytes", records(clientHello(2000), 16), "client_hello"],
    ["a client hello with a one-byte first record", records(clientHello(300), 1), "client_hello"],
    [
      "a client hello followed by early data",
      Buffer.concat([records(clientHello(300)), Buffer.alloc(900)]),
      "client_hello",
    ],
    ["an HTTP head", Buffer.from(REQUEST), "http"],
    ["an HTTP head with bare line feeds", Buffer.from("POST / HTTP/1.0\nHost: a\n\n"), "http"],
    ["the preface of HTTP/2", Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "http"],
    [
      "an HTTP head above the limit",
      Buffer.from(`GET / HTTP/1.1\r\nCookie: ${"c".repeat(17 << 10)}`),
      "http",
    ],
    ["a client hello above 16 KiB", records(clientHello((16 << 10) + 1)), "other"],
    ["a record that is no handshake", Buffer.from([22, 3, 1, 0, 2, 2, 0]), "other"],
    ["a record of no bytes", Buffer.from([22, 3, 1, 0, 0]), "other"],
    ["an SSLv2 hello", Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 0x15]), "other"],
    ["the greeting of SSH", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"), "other"],
    ["a line that is no request", Buffer.from("HELO example.org\r\n"), "other"],
    ["a request of HTTP/0.9", Buffer.from("GET /\r\n"), "other"],
  ])("%s, with nothing consumed", async (_, bytes, reason) => {
    await using rig = await Rig.open({ verdict: passAll });
    const client = rig.connect();
    client.end(bytes);
    const connection = await rig.connections.next();
    expect(connection.reason).toBe(reason);
    expect(bytes.subarray(0, connection.peeked.length).equals(connection.peeked)).toBe(true);
    expect((await readAll(await rig.accepted.next())).equals(bytes)).toBe(true);
  });

  it("names the client's end, its own, and no destination without a redirect", async () => {
    await using rig = await Rig.open();
    const client = rig.connect();
    client.write(REQUEST);
    expect(await rig.connections.next()).toMatchObject({
      peer: { address: "127.0.0.1", port: client.localPort },
      local: rig.front.addresses[0],
      destination: null,
      peeked: Buffer.from(REQUEST),
    });
  });

  it("once a hello that comes byte by byte is whole, not before", async () => {
    await using rig = await Rig.open();
    const client = rig.connect();
    await once(client, "connect");
    const hello = records(clientHello(1500), 700);
    for (const byte of hello) await new Promise((sent) => client.write(Buffer.of(byte), sent));
    const connection = await rig.connections.next();
    expect(connection.reason).toBe("client_hello");
    expect(connection.peeked.equals(hello)).toBe(true);
  });

  it("with nothing peeked when the client waits for the server to speak first", async () => {
    await using rig = await Rig.open({ verdict: passAll, silenceMs: 20 });
    const client = rig.connect();
    expect(await rig.connections.next()).toMatchObject({ reason: "timeout", peeked: Buffer.alloc(0) });
    const socket = await rig.accepted.next();
    socket.write("220 mail.example ESMTP\r\n");
    expect((await readBytes(client, 24)).toString()).toBe("220 mail.example ESMTP\r\n");
  });

  it("with what came when a hello stays half", async () => {
    await using rig = await Rig.open({ silenceMs: 5, helloMs: 60 });
    const client = rig.connect();
    const half = records(clientHello(500)).subarray(0, 200);
    await once(client, "connect");
    client.write(half);
    expect(await rig.connections.next()).toMatchObject({ reason: "timeout", peeked: half });
  });

  it.each([
    ["before a byte", Buffer.alloc(0)],
    ["within a hello", records(clientHello(500)).subarray(0, 200)],
  ])("when the client ends its side %s, and hands that end on", async (_, bytes) => {
    await using rig = await Rig.open({ verdict: passAll });
    const client = rig.connect();
    client.end(bytes);
    expect(await rig.connections.next()).toMatchObject({ reason: "closed", peeked: bytes });
    const socket = await rig.accepted.next();
    expect(await readAll(socket)).toEqual(bytes);
    socket.end("late");
    expect((await readAll(client)).toString()).toBe("late");
  });

  it("not at all when the client resets before it said anything", async () => {
    await using rig = await Rig.open();
    const client = rig.connect();
    await once(client, "connect");
    client.resetAndDestroy();
    const next = rig.connect();
    next.write(REQUEST);
    expect((await rig.connections.next()).peer.port).toBe(next.localPort);
    expect(rig.front.stats()).toMatchObject({ accepted: 2, aborted: 1 });
  });

  it("exactly once for each of 1,000 random byte streams, and relays them byte for byte", async () => {
    await using rig = await Rig.open({ verdict: passAll, silenceMs: 20, helloMs: 20 });
    const hello = records(clientHello(400));
    const stream = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc
        .tuple(fc.nat(hello.length), fc.uint8Array({ maxLength: 600 }))
        .map(([cut, rest]) => Buffer.concat([hello.subarray(0, cut), rest])),
      fc.string({ maxLength: 200 }).map((line) => Buffer.from(`GET ${line}`)),
    );
    const streams = fc.sample(stream, 1000);
    const sent = new Map<number, Uint8Array>();
    for (let first = 0; first < streams.length; first += 50) {
      const batch = streams.slice(first, first + 50);
      for (const bytes of batch) {
        const client = rig.connect();
        await once(client, "connect");
        client.end(bytes);
        const { peeked, peer } = await rig.connections.next();
        expect(peer.port).toBe(client.localPort);
        expect(Buffer.from(bytes).subarray(0, peeked.length).equals(peeked)).toBe(true);
        sent.set(peer.port, bytes);
        const socket = await rig.accepted.next();
        expect((await readAll(socket)).equals(Buffer.from(bytes))).toBe(true);
        socket.end();
        await readAll(client);
      }
    }
    expect(rig.connections.size).toBe(0);
    expect(rig.front.stats()).toMatchObject({ accepted: 1000, passed: 1000, peeking: 0, waiting: 0 });
  });
});

describe.skipIf(!isNativeFrontSupported())("a verdict", () => {
  it("of take gives the client's socket with nothing read from it, half-open", async () => {
    await using rig = await Rig.open();
    const client = rig.connect();
    client.end(REQUEST);
    const { id } = await rig.connections.next();
    const socket = rig.own(rig.front.take(id)!);
    expect((await readAll(socket)).toString()).toBe(REQUEST);
    socket.end("HTTP/1.1 204 No Content\r\n\r\n");
    expect((await readAll(client)).toString()).toBe("HTTP/1.1 204 No Content\r\n\r\n");
    expect(rig.front.stats()).toMatchObject({ taken: 1, waiting: 0 });
  });

  it("of take gives a socket whose client may be gone already", async () => {
    await using rig = await Rig.open();
    const client = rig.connect();
    client.write(REQUEST);
    const { id } = await rig.connections.next();
    client.resetAndDestroy();
    const socket = rig.own(rig.front.take(id)!);
    // libuv tells a reset that is polled together with the last bytes as an end.
    await Promise.race([once(socket, "end"), closing(socket)]);
  });

  it("of reject resets the client", async () => {
    await using rig = await Rig.open({ verdict: (front, { id }) => front.reject(id) });
    const client = rig.connect();
    client.write(REQUEST);
    expect(await closing(client)).toBe("ECONNRESET");
    expect(rig.front.stats()).toMatchObject({ rejected: 1, waiting: 0 });
  });

  it("counts once", async () => {
    await using rig = await Rig.open();
    rig.connect().write(REQUEST);
    const { id } = await rig.connections.next();
    expect(rig.front.reject(id)).toBe(true);
    expect(rig.front.reject(id)).toBe(false);
    expect(rig.front.take(id)).toBeUndefined();
    expect(rig.front.passthrough(id, rig.upstream)).toBe(false);
    expect(() => rig.front.passthrough(id, { address: "example.org", port: 1 })).toThrow("not an IP address");
  });

  it("of passthrough to a port where nobody listens resets the client and says why", async () => {
    await using rig = await Rig.open({ verdict: passAll });
    rig.server.close();
    const client = rig.connect();
    client.write(REQUEST);
    expect(await closing(client)).toBe("ECONNRESET");
    expect(await rig.ends.next()).toMatchObject({
      cause: "connect_failed",
      error: "ECONNREFUSED",
      bytesUp: 0,
      bytesDown: 0,
    });
  });
});

describe.skipIf(!isNativeFrontSupported())("the listener", () => {
  it("has the same free port at both loopback addresses, and leaves out what the machine lacks", async () => {
    await using rig = await Rig.open({
      listen: ["127.0.0.1", "::1", "203.0.113.77"].map((address) => ({ address, port: 0 })),
      verdict: passAll,
    });
    const [v4, v6, ...rest] = rig.front.addresses;
    expect(v4).toEqual({ address: "127.0.0.1", port: expect.any(Number) });
    if (v6) expect(v6).toEqual({ address: "::1", port: v4!.port });
    expect(rest).toEqual([]);
    const client = rig.own(net.connect(v6?.port ?? 0, "::1"));
    client.end(REQUEST);
    expect((await rig.connections.next()).peer.address).toBe("::1");
  });

  it("says when the port is taken", async () => {
    await using rig = await Rig.open();
    expect(() => new NativeFront({ listen: rig.front.addresses }, { onConnection() {} })).toThrow(
      expect.objectContaining({ code: "OXIMY_E_PORT_TAKEN" }),
    );
  });

  it("pauses at the limit of connections, and serves who waits when one ends", async () => {
    await using rig = await Rig.open({ maxConnections: 2 });
    const clients = [rig.connect(), rig.connect(), rig.connect()];
    for (const client of clients) client.write(REQUEST);
    const held = [await rig.connections.next(), await rig.connections.next()];
    expect(rig.front.stats()).toMatchObject({ accepted: 2, waiting: 2 });
    rig.front.reject(held[0]!.id);
    await rig.connections.next();
    expect(rig.front.stats()).toMatchObject({ accepted: 3, waiting: 2 });
  });

  it("resets who waits at the limit for longer than he shall, and serves the next when there is room", async () => {
    await using rig = await Rig.open({ maxConnections: 2, turnAwayMs: 50 });
    const held = [rig.connect(), rig.connect()];
    for (const client of held) client.write(REQUEST);
    const first = await rig.connections.next();
    await rig.connections.next();
    const waiting = [rig.connect(), rig.connect()];
    for (const client of waiting) client.write(REQUEST);
    expect(await Promise.all(waiting.map(closing))).toEqual(["ECONNRESET", "ECONNRESET"]);
    expect(rig.front.stats()).toMatchObject({ accepted: 2, turnedAway: 2, maxConnections: 2 });
    rig.front.reject(first.id);
    await closing(held[0]!);
    // Until accepting goes on, a client may still be turned away.
    const served = rig.connections.next().then(() => true);
    for (let isServed = false; !isServed; ) {
      const client = rig.connect();
      client.write(REQUEST);
      isServed = await Promise.race([served, closing(client).then(() => false)]);
    }
    expect(rig.front.stats()).toMatchObject({ accepted: 3, waiting: 2 });
  });

  it("refuses new clients once it closes, and is closed when the last connection has ended", async () => {
    // A late client that is still accepted leaves without a word, and nobody would end its passage.
    await using rig = await Rig.open({
      verdict: (front, { id, reason }, upstream) =>
        reason === "http" ? front.passthrough(id, upstream) : front.reject(id),
    });
    const client = rig.connect();
    client.write(REQUEST);
    const socket = await rig.accepted.next();
    const closed = rig.front.close();
    // The front's thread stops listening a moment later; who connected before is served.
    for (let late = ""; late !== "ECONNREFUSED"; ) {
      const client = rig.connect();
      client.once("connect", () => client.destroy());
      late = await closing(client);
    }
    socket.end("answer");
    client.end();
    expect((await readAll(client)).toString()).toBe("answer");
    await readAll(socket);
    await closed;
    expect(rig.front.stats()).toMatchObject({ passing: 0, waiting: 0, peeking: 0 });
  });

  it("resets what is there when it is destroyed: asked, peeked at and passed through", async () => {
    await using rig = await Rig.open({
      verdict: (front, { id, reason }, upstream) => reason === "http" && front.passthrough(id, upstream),
    });
    const [passed, asked, silent] = [rig.connect(), rig.connect(), rig.connect()];
    await Promise.all([passed, asked, silent].map((client) => once(client!, "connect")));
    passed!.write(REQUEST);
    asked!.write(records(clientHello(300)));
    await Promise.all([rig.connections.next(), rig.connections.next(), rig.accepted.next()]);
    const ends = [passed, asked, silent].map((client) => closing(client!));
    await rig.front.destroy();
    expect(await Promise.all(ends)).toEqual(["ECONNRESET", "ECONNRESET", "ECONNRESET"]);
    expect((await rig.ends.next()).cause).toBe("destroyed");
  });
});
