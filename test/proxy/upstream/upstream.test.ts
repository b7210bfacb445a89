import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { abort } from "../../../src/proxy/relay.js";
import { UpstreamConnector, type UpstreamResult } from "../../../src/proxy/upstream/upstream.js";
import type { ClientHello } from "../../../src/proxy/verdict/client-hello.js";
import { captureHello, HOST, helloOf } from "../client-hello-rig.js";
import { certificateFor, ROOT, rawServer, tlsServer } from "../upstream-rig.js";

const NODE = helloOf(await captureHello("node"));
const connector = (roots = [ROOT]) => new UpstreamConnector({ roots, env: {} });

/** Resolves with the first bytes from the server, and ends the session. */
async function secured(result: UpstreamResult) {
  if (result.kind !== "secure") throw new Error(`not secure: ${JSON.stringify(result)}`);
  const [greeting] = (await once(result.side.stream, "data")) as [Buffer];
  abort(result.side);
  return { greeting: greeting.toString(), protocol: result.protocol, session: result.session };
}

describe("a session to the server", () => {
  it("is verified by the roots and carries bytes", async () => {
    await using server = await tlsServer();
    const result = await connector().connect(server.target, HOST, NODE);
    expect(await secured(result)).toEqual({ greeting: "hello", protocol: undefined, session: "new" });
  });

  it.each([
    ["of the server's choice", ["h2", "http/1.1"], ["http/1.1"], "http/1.1"],
    ["that is not ASCII", ["caf\xe9"], ["http/1.1"], undefined],
    ["of none at all", [], ["h2"], undefined],
  ] as const)("speaks the protocol %s", async (_what, offered, known, chosen) => {
    await using server = await tlsServer({
      ALPNCallback: ({ protocols }) => known.find((name) => protocols.includes(name)),
    });
    const hello: ClientHello = { ...NODE, alpn: offered };
    const result = await connector().connect(server.target, HOST, hello);
    if (offered.length > 0) expect(helloOf(server.hellos[0]!).alpn).toEqual(offered);
    if (result.kind === "secure") expect(await secured(result)).toMatchObject({ protocol: chosen });
    else expect(result).toMatchObject({ kind: "failed", stage: "handshake" });
  });

  it.each([
    ["an unknown root", HOST, [] as string[], "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    ["another name", "other.example.com", [ROOT], "ERR_TLS_CERT_ALTNAME_INVALID"],
  ])("is not trusted with %s", async (_what, host, roots, error) => {
    await using server = await tlsServer();
    const result = await connector(roots).connect(server.target, host, { ...NODE, serverName: host });
    expect(result).toEqual({ kind: "untrusted", error });
  });

  it.each([
    ["TLS 1.2, optional", "TLSv1.2", false],
    ["TLS 1.2, required", "TLSv1.2", true],
    ["TLS 1.3, optional", "TLSv1.3", false],
    ["TLS 1.3, required", "TLSv1.3", true],
  ] as const)(
    "is given up when the server asks for a client certificate (%s)",
    async (_what, version, required) => {
      await using server = await tlsServer({
        minVersion: version,
        maxVersion: version,
        requestCert: true,
        rejectUnauthorized: required,
      });
      const result = await connector().connect(server.target, HOST, NODE);
      expect(result.kind).toBe("client_certificate_requested");
    },
  );

  it.each([
    ["resets at once", (socket) => socket.resetAndDestroy(), "handshake", "ECONNRESET"],
    ["ends at once", (socket) => socket.end(), "handshake", "ECONNRESET"],
    [
      "answers garbage",
      (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      "handshake",
      "ERR_SSL_WRONG_VERSION_NUMBER",
    ],
  ] as ReadonlyArray<[string, Parameters<typeof rawServer>[0], string, string]>)(
    "fails when the server %s",
    async (_what, behave, stage, error) => {
      await using server = await rawServer((socket) => socket.once("data", () => behave(socket)));
      const result = await connector().connect(server.target, HOST, NODE);
      expect(result).toEqual({ kind: "failed", stage, error });
    },
  );

  it("fails when the server never answers", async () => {
    await using server = await rawServer(() => {});
    const patient = new UpstreamConnector({ roots: [ROOT], env: {}, timeoutMs: 50 });
    const result = await patient.connect(server.target, HOST, NODE);
    expect(result).toEqual({
      kind: "failed",
      stage: "handshake",
      error: "timed out during the handshake",
    });
  });

  it("fails when nobody listens", async () => {
    const server = await rawServer(() => {});
    await server[Symbol.asyncDispose]();
    const result = await connector().connect(server.target, HOST, NODE);
    expect(result).toEqual({ kind: "failed", stage: "connect", error: "ECONNREFUSED" });
  });

  /** X25519MLKEM768, which OpenSSL 3.0 does not know. */
  const ML_KEM = 0x11ec;
  const X25519 = 0x1d;
  const TLS_1_3 = 0x0304;

  it("is never of an older version than the client offers, also when the first hello fails", async () => {
    await using server = await tlsServer({ maxVersion: "TLSv1.2" });
    const hello: ClientHello = { ...NODE, versions: [TLS_1_3], groups: [ML_KEM, X25519] };
    expect(await connector().connect(server.target, HOST, hello)).toMatchObject({
      kind: "failed",
      stage: "handshake",
    });
    expect(server.hellos.map((bytes) => helloOf(bytes).versions)).toEqual([[TLS_1_3], [TLS_1_3]]);
  });

  it("is left to a client that offers only groups which OpenSSL does not know", async () => {
    await using server = await tlsServer();
    const hello: ClientHello = { ...NODE, versions: [TLS_1_3], groups: [ML_KEM] };
    expect(await connector().connect(server.target, HOST, hello)).toEqual({
      kind: "failed",
      stage: "handshake",
      error: "NO_COMMON_GROUP",
    });
    expect(server.hellos).toEqual([]);
  });

  it("is of each client's own kind, whoever came first", async () => {
    await using server = await tlsServer();
    const shared = connector();
    const asking: ClientHello = { ...NODE, extensions: [...NODE.extensions, 5] };
    for (const hello of [asking, NODE, asking])
      await secured(await shared.connect(server.target, HOST, hello));
    const asked = server.hellos.map((bytes) => helloOf(bytes).extensions.includes(5));
    expect(asked).toEqual([true, false, true]);
  });

  it("is tried again for each client that offers more than can be offered for it, whoever came first", async () => {
    await using server = await tlsServer({ ecdhCurve: "P-521" });
    const shared = connector();
    const whole: ClientHello = { ...NODE, groups: [X25519] };
    const partial: ClientHello = { ...NODE, groups: [ML_KEM, X25519] };
    const kinds: string[] = [];
    for (const hello of [whole, partial, whole]) {
      const result = await shared.connect(server.target, HOST, hello);
      kinds.push(result.kind);
      if (result.kind === "secure") abort(result.side);
    }
    expect(kinds).toEqual(["failed", "secure", "failed"]);
  });
});

describe("sessions of an earlier connection", () => {
  const RESUMING: ClientHello = { ...NODE, resumes: true };

  it.each(["TLSv1.2", "TLSv1.3"] as const)("are resumed when the client resumes (%s)", async (version) => {
    await using server = await tlsServer({ minVersion: version, maxVersion: version });
    const upstream = connector();
    const kinds: string[] = [];
    for (const hello of [RESUMING, RESUMING, NODE, RESUMING, RESUMING]) {
      kinds.push((await secured(await upstream.connect(server.target, HOST, hello))).session);
    }
    // OpenSSL gives two tickets for a new session and none for a resumed one.
    expect(kinds).toEqual(["new", "resumed", "new", "resumed", "resumed"]);
    expect(server.sessions).toEqual(kinds);
  });

  it.each([
    ["another host", (hello: ClientHello) => hello, "other.example.com"],
    ["another shape of hello", (hello: ClientHello) => ({ ...hello, groups: [23] }), HOST],
  ])("are not shown for %s", async (_what, change, host) => {
    await using server = await tlsServer(certificateFor("*.example.com"));
    const upstream = connector();
    await secured(await upstream.connect(server.target, HOST, RESUMING));
    const result = await upstream.connect(server.target, host, change({ ...RESUMING, serverName: host }));
    expect((await secured(result)).session).toBe("new");
  });

  it("of a server that forgot them end in a new one", async () => {
    const upstream = connector();
    await using server = await tlsServer();
    await secured(await upstream.connect(server.target, HOST, RESUMING));
    server.forgetSessions();
    const result = await upstream.connect(server.target, HOST, RESUMING);
    expect((await secured(result)).session).toBe("new");
  });

  it("are not kept where the certificate is not trusted", async () => {
    await using server = await tlsServer();
    const upstream = connector([]);
    for (let time = 0; time < 2; time++) {
      expect((await upstream.connect(server.target, HOST, RESUMING)).kind).toBe("untrusted");
    }
    expect(helloOf(server.hellos[1]!).resumes).toBe(false);
  });
});
