import { execFile } from "node:child_process";
import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import http2 from "node:http2";
import type net from "node:net";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { createConnectionReader } from "../../src/exchange/connection.js";
import type { Exchange, Fields } from "../../src/exchange/exchange.js";
import { createReport, LIMITS } from "./recording.js";
import { listen, type Relay, startRelay } from "./relayed.js";

const run = promisify(execFile);
const BIG = "0123456789abcdef".repeat(3000);

/** What one of the two real ends saw of an exchange. */
interface Seen {
  readonly request: string;
  readonly fields: Fields;
  readonly body: string;
  readonly status?: number;
}

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function relayTo(server: net.Server): Promise<Relay> {
  const relay = await startRelay(await listen(server));
  closers.push(() => server.close());
  return relay;
}

function pairs(raw: readonly string[]): Fields {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1]!] as const] : []));
}

async function seenByServer(request: IncomingMessage): Promise<Seen> {
  const body = await text(request);
  return { request: `${request.method} ${request.url}`, fields: pairs(request.rawHeaders), body };
}

function seenByReader({ request }: Exchange): Seen {
  return {
    request: `${request.method} ${request.path}`,
    fields: request.fields,
    body: request.body.head.toString(),
  };
}

function answers(exchanges: readonly Exchange[]): string[] {
  return exchanges.map(({ response, error }) => `${response?.status} ${response?.body.head}${error ?? ""}`);
}

/** As text, which compares fast; without what depends on how the connection ended. */
function comparable(exchange: Exchange): string {
  const { endedAt: _end, error: _error, ...rest } = exchange;
  const asText = (_key: string, value: unknown) =>
    isSerializedBuffer(value) ? Buffer.from(value.data).toString() : value;
  return JSON.stringify(rest, asText);
}

function isSerializedBuffer(value: unknown): value is { data: number[] } {
  return value instanceof Object && "type" in value && value.type === "Buffer";
}

/** The same bytes in other pieces must give the same exchanges. */
function expectSameInSmallPieces(relay: Relay): void {
  const report = createReport();
  for (const steps of relay.recorded) {
    const reader = createConnectionReader({ scheme: "http", limits: LIMITS }, report.handlers);
    for (const [direction, bytes, time] of steps) {
      for (let at = 0; at < bytes.length; at += 7)
        reader.push(direction, (bytes as Buffer).subarray(at, at + 7), time!);
    }
    reader.end("response", 0);
    reader.close("ended", 0);
  }
  expect(report.gaveUp).toEqual([]);
  expect(report.exchanges.map(comparable)).toEqual(relay.report.exchanges.map(comparable));
}

describe("read from the copy of a real HTTP/1 connection", () => {
  async function startHttp1(): Promise<{ relay: Relay; seen: Seen[] }> {
    const seen: Seen[] = [];
    const server = http.createServer(async (request, response) => {
      seen.push(await seenByServer(request));
      response.setHeader("X-Mixed-CASE", "1");
      if (request.url === "/204") response.writeHead(204).end();
      else if (request.url === "/big") response.end(BIG);
      else if (request.url === "/stream") {
        response.writeHead(200, { Trailer: "X-Sum" });
        response.writeEarlyHints({ link: "</a>; rel=preload" });
        for (let i = 0; i < 5; i++) response.write(`data: ${i}\n\n`);
        response.addTrailers({ "X-Sum": "5" });
        response.end();
      } else response.end(`you sent ${seen.at(-1)?.body.length}`);
    });
    return { relay: await relayTo(server), seen };
  }

  it("of node:http with keep-alive: what the server and the client saw", async () => {
    const { relay, seen } = await startHttp1();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const got: string[] = [];
    for (const [method, path, body] of [
      ["GET", "/?a=b%20c", ""],
      ["HEAD", "/big", ""],
      ["POST", "/chunked", "xy"],
      ["GET", "/204", ""],
      ["PUT", "/big", BIG],
      ["GET", "/stream", ""],
    ] as const) {
      const headers = path === "/chunked" ? { "Transfer-Encoding": "chunked", Expect: "100-continue" } : {};
      const request = http.request({ port: relay.port, agent, method, path, headers });
      if (path === "/chunked") {
        request.flushHeaders();
        await once(request, "continue");
        request.write("more ");
      }
      request.end(body);
      const [response] = (await once(request, "response")) as [IncomingMessage];
      got.push(`${response.statusCode} ${await text(response)}`);
    }
    agent.destroy();
    await relay.close();
    expect(relay.recorded.length).toBeLessThan(seen.length);
    expect(relay.report.gaveUp).toEqual([]);
    expect(relay.report.exchanges.map(seenByReader)).toEqual(seen);
    expect(answers(relay.report.exchanges)).toEqual(got);
    expect(relay.report.exchanges.at(-1)?.response?.trailers).toEqual([["X-Sum", "5"]]);
    expectSameInSmallPieces(relay);
  });

  it("of curl and fetch, and of a client that leaves in the middle", async () => {
    const { relay, seen } = await startHttp1();
    const url = `http://127.0.0.1:${relay.port}`;
    const { stdout } = await run("curl", ["-s", "--http1.1", "-d", BIG, `${url}/curl`, `${url}/stream`], {
      maxBuffer: 1 << 24,
    });
    await (
      await fetch(`${url}/fetch`, {
        method: "POST",
        body: new Blob(["blob"]).stream(),
        duplex: "half",
      } as RequestInit)
    ).text();
    const request = http.request({ port: relay.port, path: "/big", agent: false });
    request.end();
    await once(request, "response");
    request.destroy();
    await relay.close();
    expect(relay.report.gaveUp).toEqual([]);
    expect(relay.report.exchanges.map(seenByReader)).toEqual(seen);
    expect(answers(relay.report.exchanges.slice(0, 2)).join("\n")).toBe(
      `200 you sent ${BIG.length}\n200 ${stdout.replace(/^you sent \d+/, "")}`,
    );
    expect(relay.report.exchanges.at(-1)).toMatchObject({ response: { status: 200 } });
  });
});

describe("read from the copy of a real HTTP/2 connection", () => {
  async function startHttp2(): Promise<{ relay: Relay; seen: Seen[] }> {
    const seen: Seen[] = [];
    const server = http2.createServer({ settings: { headerTableSize: 8192, enableConnectProtocol: true } });
    server.on("stream", async (stream, headers) => {
      stream.on("error", () => {}); // The reset that a test asks for.
      const body = await text(stream);
      const fields = Object.entries(headers).filter(([name]) => !name.startsWith(":"));
      seen.push({ request: `${headers[":method"]} ${headers[":path"]}`, fields: fields as never, body });
      if (headers[":path"] === "/reset") return stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
      if (headers[":path"] !== "/push") stream.additionalHeaders({ ":status": 103, link: "</a>" });
      stream.respond(
        { ":status": 200, "x-long": "v".repeat(5000), "set-cookie": ["a=1", "b=2"] },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(body === "" ? BIG : body);
    });
    return { relay: await relayTo(server), seen };
  }

  it("of node:http2 with many streams at once: what the server and the client saw", async () => {
    const { relay, seen } = await startHttp2();
    const client = http2.connect(`http://127.0.0.1:${relay.port}`, { settings: { headerTableSize: 16384 } });
    const got = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const stream = client.request({
          ":method": "POST",
          ":path": `/${i % 7 === 6 ? "reset" : i}`,
          [`x-${i}`]: "y".repeat(i * 40),
          cookie: ["c=1", "d=2"],
        });
        stream.end(i % 3 === 0 ? "" : `${i} ${BIG.slice(0, i * 1000)}`);
        try {
          return `200 ${await text(stream)}`;
        } catch {
          return "undefined undefinedstream_reset";
        }
      }),
    );
    client.close();
    await relay.close();
    expect(relay.report.gaveUp).toEqual([]);
    const byStream = relay.report.exchanges.toSorted((a, b) => a.streamId! - b.streamId!);
    expect(answers(byStream)).toEqual(got);
    // node:http2 joins cookie crumbs; apart from that both saw the same fields in the same order.
    const withoutCookies = (fields: Fields) => fields.filter(([name]) => name !== "cookie");
    const inOrder = (all: Seen[]) =>
      all
        .map((one) => ({ ...one, fields: withoutCookies(one.fields) }))
        .sort((a, b) => a.fields[0]![0].localeCompare(b.fields[0]![0]));
    expect(inOrder(byStream.map(seenByReader))).toEqual(inOrder(seen));
    expect(byStream[0]?.response?.trailers).toEqual([["grpc-status", "0"]]);
    expect(byStream[0]?.request.fields.filter(([name]) => name === "cookie")).toHaveLength(2);
    expectSameInSmallPieces(relay);
  });

  it("of curl with prior knowledge", async () => {
    const { relay, seen } = await startHttp2();
    const url = `http://127.0.0.1:${relay.port}`;
    const { stdout } = await run("curl", ["-s", "--http2-prior-knowledge", "-d", "hello", `${url}/a`]);
    await relay.close();
    expect(relay.report.gaveUp).toEqual([]);
    expect(relay.report.exchanges.map(seenByReader)).toEqual(seen);
    expect(stdout).toBe("hello");
  });

  it("that carries a WebSocket (RFC 8441)", async () => {
    const server = http2.createServer({ settings: { enableConnectProtocol: true } });
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200 });
      stream.once("data", () => stream.end(Buffer.from("\u0081\u0002yo\u0088\0", "latin1")));
    });
    const relay = await relayTo(server);
    const client = http2.connect(`http://127.0.0.1:${relay.port}`);
    await once(client, "remoteSettings");
    const stream = client.request(
      { ":method": "CONNECT", ":protocol": "websocket", ":path": "/ws" },
      { endStream: false },
    );
    await once(stream, "response");
    stream.end(Buffer.from("\u0081\u0082\u0001\u0002\u0003\u0004ik", "latin1"));
    await text(stream);
    client.close();
    await relay.close();
    expect(relay.report.exchanges).toMatchObject([{ protocol: "websocket", request: { path: "/ws" } }]);
    expect(relay.report.exchanges[0]?.messages?.map(({ data }) => data.toString())).toEqual(["hi", "yo"]);
  });
});

describe("read from the copy of a real WebSocket", () => {
  it.each([
    ["plain", false],
    ["compressed with context", { threshold: 0 }],
    ["compressed without", { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true }],
  ])("of ws, %s", async (_name, perMessageDeflate) => {
    const server = http.createServer();
    const sockets = new WebSocketServer({ server, perMessageDeflate });
    sockets.on("connection", (socket) => {
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    const relay = await relayTo(server);
    const client = new WebSocket(`ws://127.0.0.1:${relay.port}/echo`, { perMessageDeflate });
    await once(client, "open");
    const sent = ["hello", "hello again", BIG, "", "hello again"];
    for (const message of sent) {
      client.send(message);
      await once(client, "message");
    }
    client.send(Buffer.from("frag"), { fin: false, binary: true });
    client.send(Buffer.from("mented"), { fin: true, binary: true });
    await once(client, "message");
    client.close();
    await once(client, "close");
    await relay.close();
    expect(relay.report.gaveUp).toEqual([]);
    expect(relay.report.exchanges).toMatchObject([{ protocol: "websocket", request: { path: "/echo" } }]);
    expect(relay.report.exchanges[0]?.error).toBeUndefined();
    for (const direction of ["request", "response"]) {
      const messages = relay.report.exchanges[0]!.messages!.filter(
        (message) => message.direction === direction,
      );
      expect(messages.map(({ data }) => data.toString())).toEqual([...sent, "fragmented"]);
      expect(messages.at(-1)?.kind).toBe("binary");
    }
    expectSameInSmallPieces(relay);
  });
});
