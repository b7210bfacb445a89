import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { createServer } from "node:tls";
import { describe, expect, it } from "vitest";
import { abort } from "../../../src/proxy/relay.js";
import { UpstreamConnector } from "../../../src/proxy/upstream/upstream.js";
import {
  connectRequest,
  isExcluded,
  proxyFromEnvironment,
  UpstreamProxy,
} from "../../../src/proxy/upstream/upstream-proxy.js";
import { captureHello, HOST, helloOf } from "../client-hello-rig.js";
import { certificateFor, ROOT, rawServer, tlsServer } from "../upstream-rig.js";

const SERVER = { address: "203.0.113.7", port: 443 };

describe("the proxy of the environment", () => {
  it.each([
    [{}, undefined],
    [{ HTTPS_PROXY: "" }, undefined],
    [{ HTTPS_PROXY: "http://proxy:3128" }, "http://proxy:3128/"],
    [{ HTTPS_PROXY: "proxy:3128" }, "http://proxy:3128/"],
    [{ https_proxy: "http://lower", HTTPS_PROXY: "http://upper" }, "http://lower/"],
    [{ ALL_PROXY: "https://all:8443" }, "https://all:8443/"],
    [{ HTTPS_PROXY: "http://one", ALL_PROXY: "socks5://other" }, "http://one/"],
    [{ HTTP_PROXY: "http://plain" }, undefined],
    [{ HTTPS_PROXY: "http://[2001:db8::1]:3128" }, "http://[2001:db8::1]:3128/"],
  ])("%j is %j", (env, url) => {
    expect(proxyFromEnvironment(env)?.href).toBe(url);
  });

  it.each(["socks5://proxy:1080", "http://", "ftp://proxy", "http://pro xy"])("is refused as %j", (value) => {
    expect(() => proxyFromEnvironment({ HTTPS_PROXY: value })).toThrow(
      expect.objectContaining({ code: "OXIMY_E_CONFIG", message: expect.stringContaining("HTTPS_PROXY") }),
    );
  });

  it("is not named with its password when it is refused", () => {
    expect(() => proxyFromEnvironment({ ALL_PROXY: "socks5://ana:s3cret@proxy" })).toThrow(/^(?!.*s3cret)/);
  });
});

describe("NO_PROXY", () => {
  it.each([
    ["*", true],
    ["api.example.com", true],
    ["example.com", true],
    [".example.com", true],
    ["*.example.com", true],
    ["EXAMPLE.com", true],
    ["ample.com", false],
    ["com.example", false],
    ["", false],
    [".", false],
    ["other.test, api.example.com", true],
    ["other.test api.example.com", true],
    ["api.example.com:443", true],
    ["api.example.com:8443", false],
    ["203.0.113.7", true],
    ["203.0.113.7:443", true],
    ["3.7", false],
    ["203.0.113.0/24", true],
    ["203.0.0.0/24", false],
    ["203.0.113.0/99", false],
    ["2001:db8::/32", false],
  ])("of %j excludes the server: %j", (value, excluded) => {
    expect(isExcluded(value, ["203.0.113.7", "api.example.com"], 443)).toBe(excluded);
  });

  it.each([
    ["2001:db8::7", true],
    ["[2001:db8::7]", true],
    ["[2001:db8::7]:443", true],
    ["[2001:db8::7]:80", false],
    ["2001:db8::/32", true],
  ])("of %j excludes an IPv6 server: %j", (value, excluded) => {
    expect(isExcluded(value, ["2001:db8::7"], 443)).toBe(excluded);
  });
});

describe("the way to a server", () => {
  const env = { HTTPS_PROXY: "http://127.0.0.1:3128" };

  it.each([
    ["another machine", SERVER, HOST, true],
    ["loopback", { address: "127.0.0.1", port: 443 }, HOST, false],
    ["loopback by IPv6", { address: "::1", port: 443 }, "", false],
    ["a name of loopback", { address: "localhost", port: 443 }, "", false],
  ])("to %s", (_what, target, host, proxied) => {
    expect(new UpstreamProxy({ env }).proxyFor(target, host) !== undefined).toBe(proxied);
  });

  it("is straight where the proxy is a listener of ours", () => {
    const proxy = new UpstreamProxy({ env, isOurs: ({ port }) => port === 3128 });
    expect(proxy.proxyFor(SERVER, HOST)).toBeUndefined();
  });

  it.each([
    ["http://proxy", "host", 443, "CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n"],
    ["http://proxy", "::1", 80, "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"],
    [
      "http://ana:p%40ss@proxy",
      "host",
      443,
      "CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\nProxy-Authorization: Basic YW5hOnBAc3M=\r\n\r\n",
    ],
    [
      "http://ana:100%@proxy",
      "host",
      443,
      "CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\nProxy-Authorization: Basic YW5hOjEwMCU=\r\n\r\n",
    ],
  ])("through %s is asked for so", (proxy, host, port, request) => {
    expect(connectRequest(new URL(proxy), host, port)).toBe(request);
  });
});

/** A proxy that leads every tunnel to `port`, whatever was asked for, and keeps what was asked. */
function tunnelTo(port: number, asked: string[]) {
  return (client: Socket) => {
    let head = "";
    const read = (chunk: Buffer) => {
      head += chunk.toString("latin1");
      if (!head.endsWith("\r\n\r\n")) return;
      client.off("data", read);
      asked.push(head);
      const server = connectTcp(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 OK\r\nVia: 1.1 test\r\n\r\n");
        client.pipe(server).pipe(client);
      });
      server.on("error", () => client.destroy());
      client.on("close", () => server.destroy());
    };
    client.on("data", read);
  };
}

describe("through an upstream proxy", () => {
  it.each(["http:", "https:"])("that speaks %s a session reaches the server", async (protocol) => {
    await using server = await tlsServer();
    const asked: string[] = [];
    const handle = tunnelTo(server.target.port, asked);
    const tls = createServer(certificateFor("localhost"), handle);
    await using proxy = await rawServer((socket) =>
      protocol === "http:" ? handle(socket) : void tls.emit("connection", socket),
    );
    const upstream = new UpstreamConnector({
      roots: [ROOT],
      env: { HTTPS_PROXY: `${protocol}//ana:secret@localhost:${proxy.target.port}` },
    });
    const result = await upstream.connect(SERVER, HOST, helloOf(await captureHello("node")));
    if (result.kind !== "secure") throw new Error(JSON.stringify(result));
    expect(String(await once(result.side.stream, "data"))).toBe("hello");
    expect(asked[0]).toMatch(/^CONNECT api\.example\.com:443 HTTP\/1\.1\r\n.*Basic YW5hOnNlY3JldA==\r\n/s);
    result.side.stream.end();
    await once(result.side.stream, "close");
    if (protocol === "http:") expect(result.side.socket.destroyed).toBe(true);
  });

  it("an open connection is given as it is, what the server said first included", async () => {
    await using proxy = await rawServer((socket) =>
      socket.once("data", () => socket.write("HTTP/1.0 200 OK\r\n\r\nSSH-2.0-test")),
    );
    const dialer = new UpstreamProxy({ env: { ALL_PROXY: `127.0.0.1:${proxy.target.port}` } });
    const side = await dialer.dial({ address: "git.example.com", port: 443 }, "");
    expect(String(await once(side.stream, "data"))).toBe("SSH-2.0-test");
    abort(side);
    await once(side.stream, "close");
  });

  it.each([
    ["refuses", (socket) => socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), "answered 407"],
    ["is none", (socket) => socket.end("SSH-2.0\r\n\r\n"), "answered no HTTP"],
    ["hangs up", (socket) => socket.end(), "closed the connection"],
    ["resets", (socket) => socket.resetAndDestroy(), "ECONNRESET"],
    ["never ends its head", (socket) => socket.write("x".repeat(20_000)), "has no end"],
  ] as ReadonlyArray<[string, (socket: Socket) => void, string]>)(
    "that %s the connection fails, and says why",
    async (_what, behave, error) => {
      await using proxy = await rawServer((socket) => socket.once("data", () => behave(socket)));
      const upstream = new UpstreamConnector({
        roots: [],
        env: { HTTPS_PROXY: `http://127.0.0.1:${proxy.target.port}` },
      });
      const result = await upstream.connect(SERVER, HOST, helloOf(await captureHello("node")));
      expect(result).toMatchObject({
        kind: "failed",
        stage: "connect",
        error: expect.stringContaining(error),
      });
    },
  );

  it("that never answers the connection fails in time", async () => {
    await using proxy = await rawServer(() => {});
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.target.port}` };
    const dialer = new UpstreamProxy({ env, timeoutMs: 50 });
    await expect(dialer.dial(SERVER, HOST)).rejects.toMatchObject({ code: "ETIMEDOUT" });
  });

  it("that has an untrusted certificate the connection fails", async () => {
    const tls = createServer(certificateFor("localhost"));
    tls.on("tlsClientError", () => {});
    await using proxy = await rawServer((socket) => void tls.emit("connection", socket));
    const upstream = new UpstreamConnector({
      roots: [],
      env: { HTTPS_PROXY: `https://localhost:${proxy.target.port}` },
    });
    const result = await upstream.connect(SERVER, HOST, helloOf(await captureHello("node")));
    expect(result).toMatchObject({
      kind: "failed",
      stage: "connect",
      error: expect.stringMatching(/UNABLE_TO/),
    });
  });
});
