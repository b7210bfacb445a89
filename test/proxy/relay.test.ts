import { once } from "node:events";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect, TLSSocket } from "node:tls";
import { describe, expect, test } from "vitest";
import { type CertificateAuthority, openCa } from "../../src/certificates/ca.js";
import { LeafIssuer } from "../../src/certificates/leaf.js";
import type { Direction } from "../../src/connection/direction.js";
import { abort, type RelayEnd, relay, type Side, tcpSide } from "../../src/proxy/relay.js";
import { temporaryFolder } from "../temporary-folder.js";
import { closing, readAll, readBytes } from "./front-rig.js";
import { own, socketPair } from "./sockets.js";

interface Relayed {
  /** The client's and the server's own ends. */
  readonly client: Duplex;
  readonly server: Duplex;
  readonly sides: { readonly client: Side; readonly server: Side };
  readonly seen: Record<Direction, Buffer[]>;
  readonly ended: Direction[];
  readonly end: Promise<RelayEnd>;
}

interface Pair {
  readonly outer: Duplex;
  readonly side: Side;
}

function between(client: Pair, server: Pair): Relayed {
  const seen: Record<Direction, Buffer[]> = { request: [], response: [] };
  const ended: Direction[] = [];
  const end = relay(client.side, server.side, {
    onBytes: (direction, bytes) => void seen[direction].push(Buffer.from(bytes)),
    onEnd: (direction) => void ended.push(direction),
  });
  const sides = { client: client.side, server: server.side };
  return { client: client.outer, server: server.outer, sides, seen, ended, end };
}

async function tcpPair(): Promise<Pair> {
  const [outer, inner] = await socketPair();
  return { outer, side: tcpSide(inner) };
}

/** A TLS session whose server is the relay's inner end, or its outer. */
async function tlsPair(authority: CertificateAuthority, server: "inner" | "outer"): Promise<Pair> {
  const [first, second] = await socketPair();
  const issuer = new LeafIssuer(authority);
  const serving = new TLSSocket(second, { isServer: true, secureContext: issuer.contextFor("localhost") });
  const asking = connect({ socket: first, servername: "localhost", ca: authority.certificatePem });
  for (const session of [serving, asking]) own(session);
  await once(asking, "secureConnect");
  return server === "inner"
    ? { outer: asking, side: { stream: serving, socket: second } }
    : { outer: serving, side: { stream: asking, socket: first } };
}

const KINDS = ["tcp", "tls"] as const;
async function open(kind: (typeof KINDS)[number]): Promise<Relayed> {
  if (kind === "tcp") return between(await tcpPair(), await tcpPair());
  const ca = openCa(temporaryFolder());
  return between(await tlsPair(ca, "inner"), await tlsPair(ca, "outer"));
}

const counted = (length: number) => {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
};

describe.each(KINDS)("a relay between two %s sessions", (kind) => {
  test("hands on what both say, in order, and copies exactly that to the watcher", async () => {
    const { client, server, seen, ended, end } = await open(kind);
    const up = counted(3 << 20);
    const down = counted(5 << 20);
    const received = Promise.all([readAll(server as Socket), readAll(client as Socket)]);
    client.end(up);
    server.end(down);
    const [atServer, atClient] = await received;
    expect(atServer.equals(up) && atClient.equals(down)).toBe(true);
    expect(await end).toEqual({ cause: "ended", bytesUp: up.length, bytesDown: down.length });
    expect(Buffer.concat(seen.request).equals(up) && Buffer.concat(seen.response).equals(down)).toBe(true);
    expect(ended.sort()).toEqual(["request", "response"]);
  });

  test("keeps the order of 10,000 small writes", async () => {
    const { client, server, end } = await open(kind);
    const lines = Array.from({ length: 10_000 }, (_, at) => `${at}\n`);
    const received = readAll(server as Socket);
    for (const line of lines) client.write(line);
    client.end();
    expect((await received).toString()).toBe(lines.join(""));
    server.end();
    client.resume();
    expect((await end).cause).toBe("ended");
  });

  test("a client that is done may go on to hear the answer", async () => {
    const { client, server, end } = await open(kind);
    client.end("question");
    expect((await readAll(server as Socket)).toString()).toBe("question");
    server.end("answer");
    expect((await readAll(client as Socket)).toString()).toBe("answer");
    expect((await end).cause).toBe("ended");
  });

  test("a server that is done may go on to hear the rest of the request", async () => {
    const { client, server, end } = await open(kind);
    server.end("answer");
    expect((await readAll(client as Socket)).toString()).toBe("answer");
    client.end("rest");
    expect((await readAll(server as Socket)).toString()).toBe("rest");
    expect((await end).cause).toBe("ended");
  });

  test.each([
    ["client", "client_aborted"],
    ["server", "server_closed"],
  ] as const)("a reset of the %s reaches the other, and is told", async (who, cause) => {
    const relayed = await open(kind);
    const { client, server, sides, end } = relayed;
    client.write("hello");
    await readBytes(server as Socket, 5);
    // A reset that arrives together with data is an end for Node (libuv, uv__stream_io): here it comes alone.
    server.write("hello");
    await readBytes(client as Socket, 5);
    const other = (who === "client" ? server : client) as Socket;
    const seen = closing(other);
    const outer = relayed[who];
    abort({ stream: outer, socket: peerSocketOf(outer) });
    expect(await seen).toBe("ECONNRESET");
    const { error, ...counts } = await end;
    expect(counts).toEqual({ cause, bytesUp: 5, bytesDown: 5 });
    expect(error).toBe("ECONNRESET");
    expect(sides.client.socket.destroyed && sides.server.socket.destroyed).toBe(true);
  });

  test.each([
    ["server", "request"],
    ["client", "response"],
  ] as const)("a %s that does not read stops who writes, within bounds", async (reader, direction) => {
    const relayed = await open(kind);
    const { sides, seen } = relayed;
    const writer = relayed[reader === "server" ? "client" : "server"];
    const chunk = Buffer.alloc(256 << 10);
    // Writes until nothing moves any more: sockets, kernel and relay are full.
    let isFull = false;
    writer.on("drain", () => {
      isFull = false;
    });
    let passed = -1;
    const count = () => seen[direction].reduce((sum, bytes) => sum + bytes.length, 0);
    while (!isFull || count() !== passed) {
      passed = count();
      while (!isFull) isFull = !writer.write(chunk);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const inner = sides[reader].stream;
    expect(inner.writableLength).toBeLessThan(1 << 20);
    expect(passed).toBeLessThan(64 << 20);
    // And it goes on as soon as the reader does.
    relayed[reader].resume();
    await once(writer, "drain");
    for (const { stream } of Object.values(sides)) stream.destroy();
  });

  test("adds its listeners once, and none for what passes", async () => {
    const { client, server, sides, end } = await open(kind);
    const count = () =>
      Object.values(sides).map(({ stream }) => stream.eventNames().map((name) => stream.listenerCount(name)));
    const before = count();
    for (let at = 0; at < 200; at++) {
      client.write(`${at}`);
      await readBytes(server as Socket, `${at}`.length);
    }
    expect(count()).toEqual(before);
    client.end();
    server.end();
    client.resume();
    server.resume();
    await end;
  });
});

const peerSocketOf = (outer: Duplex): Socket =>
  outer instanceof TLSSocket
    ? ((outer as unknown as { _parent: Socket })._parent ?? outer)
    : (outer as Socket);

describe("what happened before the relay began is handed on too:", () => {
  test("a client that has reset", async () => {
    const [client, server] = [await tcpPair(), await tcpPair()];
    const gone = closing(client.side.socket);
    (client.outer as Socket).resetAndDestroy();
    await gone;
    const seen = closing(server.outer as Socket);
    expect((await between(client, server).end).cause).toBe("client_aborted");
    expect(await seen).toBe("ECONNRESET");
  });

  test("a server that has closed", async () => {
    const [client, server] = [await tcpPair(), await tcpPair()];
    server.side.stream.destroy();
    await once(server.side.stream, "close");
    const seen = closing(client.outer as Socket);
    expect((await between(client, server).end).cause).toBe("server_closed");
    expect(await seen).toBe("ECONNRESET");
  });

  test("a client that is done", async () => {
    const [client, server] = [await tcpPair(), await tcpPair()];
    client.outer.end();
    client.side.stream.resume();
    await once(client.side.stream, "end");
    const { end, ended } = between(client, server);
    expect(await readAll(server.outer as Socket)).toHaveLength(0);
    server.outer.end("bye");
    expect((await readAll(client.outer as Socket)).toString()).toBe("bye");
    expect(await end).toEqual({ cause: "ended", bytesUp: 0, bytesDown: 3 });
    expect(ended.sort()).toEqual(["request", "response"]);
  });
});
