import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { afterEach, describe, expect, it } from "vitest";
import type { Direction } from "../../../src/connection/direction.js";
import { ExplicitProxy } from "../../../src/proxy/accept/explicit.js";
import { relay, tcpSide } from "../../../src/proxy/relay.js";

const closers: Array<() => void> = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function startServer(onRequest: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(onRequest);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close().closeAllConnections());
  return (server.address() as AddressInfo).port;
}

/** A proxy whose taps end up in `tapped`. */
async function startProxy(host = "127.0.0.1", isRefused = (_port: number) => false) {
  let accepted = 0;
  const tapped: Record<Direction | "causes", string[]> = { request: [], response: [], causes: [] };
  const proxy = await ExplicitProxy.listen({
    host,
    port: 0,
    onAccept: () => {
      accepted++;
    },
    onConnection: (arrival) => void arrival.passthrough(arrival.destination!),
    onRequest: async () => ({
      push: (direction, bytes) => tapped[direction].push(Buffer.from(bytes).toString("latin1")),
      end: () => {},
      close: (cause) => tapped.causes.push(cause),
    }),
    isRefused,
  });
  closers.push(() => proxy.close());
  return { proxy: Object.assign(proxy, { accepted: () => accepted }), tapped };
}

/** Sends raw bytes and gathers what comes until the other side ends. */
async function exchange(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(request);
  let answer = "";
  for await (const chunk of socket) answer += (chunk as Buffer).toString("latin1");
  return answer;
}

describe("the explicit proxy", () => {
  it("forwards a plain request with names, order and case as sent, less what concerns the proxy", async () => {
    let raw: string[] = [];
    const port = await startServer((request, response) => {
      raw = request.rawHeaders;
      response.writeHead(200, ["X-oDD-CASE", "kept", "Content-Length", "2"]).end("ok");
    });
    const { proxy, tapped } = await startProxy();
    const answer = await exchange(
      proxy.port,
      `GET http://127.0.0.1:${port}/path?q=1 HTTP/1.1\r\nHoSt: 127.0.0.1:${port}\r\nX-UpPer: One\r\nx-lower: two\r\nProxy-Connection: keep-alive\r\nConnection: close\r\n\r\n`,
    );
    expect(raw.slice(0, 6)).toEqual(["HoSt", `127.0.0.1:${port}`, "X-UpPer", "One", "x-lower", "two"]);
    expect(raw).not.toContain("Proxy-Connection");
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\nX-oDD-CASE: kept\r\nContent-Length: 2\r\n/);
    expect(answer.endsWith("\r\n\r\nok")).toBe(true);
    expect(tapped.request.join("")).toContain("GET /path?q=1 HTTP/1.1\r\nHoSt: ");
    expect(tapped.response.join("")).toContain("2\r\nok\r\n0\r\n\r\n");
    expect(tapped.causes).toEqual(["ended"]);
  });

  it("hands the body on in both directions and taps it", async () => {
    const port = await startServer((request, response) => {
      request.pipe(response.writeHead(200));
    });
    const { proxy, tapped } = await startProxy();
    const answer = await exchange(
      proxy.port,
      `POST http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello`,
    );
    expect(answer).toContain("hello");
    expect(tapped.request.join("")).toContain("5\r\nhello\r\n0\r\n\r\n");
  });

  it("holds a fast server back for a slow client", async () => {
    const total = 64 << 20;
    let sent = 0;
    const port = await startServer((_request, response) => {
      const chunk = Buffer.alloc(64 << 10);
      const more = () => {
        while (sent < total) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    });
    const { proxy } = await startProxy();
    const client = connect(proxy.port, "127.0.0.1");
    client.write(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await once(client, "readable");
    // Nobody reads: once nothing moves any more, what the server got rid of is what the buffers hold.
    let before = -1;
    await expect
      .poll(
        () => {
          const still = sent === before;
          before = sent;
          return still;
        },
        { interval: 200 },
      )
      .toBe(true);
    expect(sent).toBeLessThan(total / 2);
    client.destroy();
  });

  it("answers 504 when the server cannot be reached", async () => {
    const { proxy } = await startProxy();
    const answer = await exchange(
      proxy.port,
      "GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    expect(answer).toMatch(/^HTTP\/1\.1 504 /);
  });

  const ownAddress = Object.values(networkInterfaces())
    .flat()
    .find((known) => known?.internal === false && known.family === "IPv4")?.address;
  describe.each([
    ["localhost"],
    ["LocalHost."],
    ["127.0.0.2"],
    ["127.1"],
    ["0x7f000001"],
    ["2130706433"],
    ["0.0.0.0"],
    ["[::1]"],
    ["[::ffff:127.0.0.1]"],
    ["[::]"],
    [hostname()],
    ...(ownAddress ? [[ownAddress]] : []),
  ])("does not let itself be reached through itself, called %s", (name) => {
    it("by a tunnel", async () => {
      const { proxy } = await startProxy("0.0.0.0");
      const tunnel = `CONNECT ${name}:${proxy.port} HTTP/1.1\r\nHost: x\r\n\r\n`;
      // A name that the resolver does not know leads nowhere.
      expect(await exchange(proxy.port, tunnel)).toMatch(/^HTTP\/1\.1 403 /);
      expect(proxy.accepted()).toBe(1);
    });

    it.each([
      ["in absolute form", (authority: string) => `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}`],
      ["by its Host alone", (authority: string) => `GET / HTTP/1.1\r\nHost: ${authority}`],
    ])("by a request %s", async (_, head) => {
      const { proxy } = await startProxy("0.0.0.0");
      const request = `${head(`${name}:${proxy.port}`)}\r\nConnection: close\r\n\r\n`;
      expect(await exchange(proxy.port, request)).toMatch(/^HTTP\/1\.1 (400|504) /);
      expect(proxy.accepted()).toBe(1);
    });
  });

  it.each([["localhost"], ["127.0.0.2"], ["[::ffff:127.0.0.1]"]])(
    "connects nobody to a port that is refused, called %s",
    async (name) => {
      let requests = 0;
      const port = await startServer((_request, response) => {
        requests += 1;
        response.end("ok");
      });
      const { proxy } = await startProxy("127.0.0.1", (refused) => refused === port);
      const tunnel = `CONNECT ${name}:${port} HTTP/1.1\r\nHost: x\r\n\r\n`;
      expect(await exchange(proxy.port, tunnel)).toMatch(/^HTTP\/1\.1 403 /);
      const request = `GET http://${name}:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
      expect(await exchange(proxy.port, request)).toMatch(/^HTTP\/1\.1 504 /);
      expect(requests).toBe(0);
    },
  );

  it("reaches another port of this machine, by any of its names", async () => {
    const port = await startServer((_request, response) => response.end("ok"));
    const { proxy } = await startProxy();
    const request = `GET http://localhost:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    expect(await exchange(proxy.port, request)).toMatch(/ok$/);
  });

  it("hands a tunnel over with the bytes that came with it", async () => {
    const server = createTcpServer({ allowHalfOpen: true }, (socket: Socket) => socket.pipe(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { proxy } = await startProxy();
    const client = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
    client.end(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: x\r\n\r\nearly bytes`);
    let answer = "";
    for await (const chunk of client) answer += (chunk as Buffer).toString("latin1");
    expect(answer).toBe("HTTP/1.1 200 Connection established\r\n\r\nearly bytes");
  });

  it("serves a tunnel that is asked for after it was closed, on a connection from before", async () => {
    const target = createTcpServer((socket) => socket.end("hello"));
    target.listen(0, "127.0.0.1");
    await once(target, "listening");
    closers.push(() => target.close());
    const { proxy } = await startProxy();
    const client = connect(proxy.port, "127.0.0.1");
    await once(client, "connect");
    await expect.poll(proxy.accepted).toBe(1);
    proxy.close();
    client.write(`CONNECT 127.0.0.1:${(target.address() as AddressInfo).port} HTTP/1.1\r\n\r\n`);
    let answer = "";
    for await (const chunk of client) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nhello$/);
  });

  it.each(["HTTP/1.1 099 odd", "HTTP/1.1 000 none", "HTTP/1.1 1000 more", "SSH-2.0-OpenSSH_9.2"])(
    "answers for a server that begins with %j, and lives on",
    async (line) => {
      const server = createTcpServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket.end(`${line}\r\nContent-Length: 0\r\n\r\n`));
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      closers.push(() => server.close());
      const { port } = server.address() as AddressInfo;
      const { proxy } = await startProxy();
      for (let turn = 0; turn < 2; turn++) {
        const request = `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
        expect(await exchange(proxy.port, request)).toMatch(/^HTTP\/1\.1 50[24] /);
      }
    },
  );

  it("refuses a tunnel to no port at all", async () => {
    const { proxy } = await startProxy();
    expect(await exchange(proxy.port, "CONNECT nonsense HTTP/1.1\r\nHost: x\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 400 /,
    );
  });

  it("relays with half-close", async () => {
    const server = createTcpServer({ allowHalfOpen: true }, (socket: Socket) => {
      socket.on("data", () => {}).on("end", () => socket.end("after the end"));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => server.close());
    const front = createTcpServer({ allowHalfOpen: true }, (socket: Socket) => {
      const upstream = connect({
        port: (server.address() as AddressInfo).port,
        host: "127.0.0.1",
        allowHalfOpen: true,
      });
      void relay(tcpSide(socket), tcpSide(upstream));
    });
    front.listen(0, "127.0.0.1");
    await once(front, "listening");
    closers.push(() => front.close());
    const client = connect({
      port: (front.address() as AddressInfo).port,
      host: "127.0.0.1",
      allowHalfOpen: true,
    });
    client.end("bye");
    let answer = "";
    for await (const chunk of client) answer += (chunk as Buffer).toString("latin1");
    expect(answer).toBe("after the end");
  });
});
