/**
 * What clients do that do not trust our certificate, by real ones. A Node client on TLS 1.3 sends nothing but a FIN
 * (oven-sh/bun#43807, google-gemini/gemini-cli#2300); Go and hyper dial more connections than they use and close the
 * rest unused (golang/go#13957, hyperium/hyper#1686).
 */

import { spawn } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { makeCaCertificate } from "../../src/certificates/ca.js";
import { LeafIssuer } from "../../src/certificates/leaf.js";
import type { UnreadConnection } from "../../src/connection/connection.js";
import { listen } from "../../src/proxy/accept/listener.js";
import { DataPlane } from "../../src/proxy/data-plane.js";
import { UpstreamConnector } from "../../src/proxy/upstream/upstream.js";
import { temporaryFolder } from "../temporary-folder.js";
import { HOST } from "./client-hello-rig.js";
import { Inbox } from "./front-rig.js";
import { client, INTERCEPT_ALL, program, trustBook } from "./trust-rig.js";
import { certificateFor, ROOT } from "./upstream-rig.js";

const caKey = generateKeyPairSync("ec", { namedCurve: "P-256" });
const OURS = makeCaCertificate(caKey.privateKey);

async function setUp() {
  const server = tls.createServer({ ...certificateFor(HOST), ALPNProtocols: ["http/1.1"] }, (socket) => {
    socket
      .on("error", () => {})
      .once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
  });
  server.on("tlsClientError", () => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  const target = { address: "127.0.0.1", port: (server.address() as net.AddressInfo).port };
  const unread = new Inbox<UnreadConnection>();
  const refusals: string[] = [];
  const issuer = new LeafIssuer({
    certificate: new X509Certificate(OURS),
    certificatePem: OURS,
    certificatePath: "",
    ...caKey,
  });
  const trust = trustBook({ settleMs: 300, onRefused: (_client, _host, how) => refusals.push(how) });
  const plane = new DataPlane({
    issuer: () => issuer,
    upstream: new UpstreamConnector({ roots: [ROOT], env: {} }),
    taps: {
      open: () => ({ push() {}, end() {}, close() {} }),
      openCopied: () => ({ abandon() {}, close() {} }),
      unread: (end) => unread.put(end),
    },
    route: () => target,
    policy: () => ({ ...INTERCEPT_ALL, interception: "predicted" }),
    trust,
    maxIntercepted: 1_000,
  });
  const agent = program("agent.js", "trusts", "its environment names our certificate");
  const listener = await listen({
    port: 0,
    originalDestination: () => null,
    onAccept: () => undefined,
    onConnection: (arrival) =>
      void plane.handle(
        { ...arrival, destination: { address: "192.0.2.1", port: 443 } },
        Promise.resolve(client(1, agent)),
      ),
  });
  onTestFinished(async () => {
    listener.close();
    listener.destroy();
    server.close();
  });
  return { port: listener.port, unread, refusals, standing: () => trust.standing(agent), trust, agent };
}

/** One request by Node's https, in a process of its own, with these certificates and options. */
async function nodeClient(port: number, roots: readonly string[], options = ""): Promise<string> {
  const file = join(temporaryFolder(), "roots.pem");
  writeFileSync(file, roots.join("\n"));
  const script = `
    const request = require("https").request({ host: "127.0.0.1", port: ${port}, servername: "${HOST}", method: "POST",
      ca: require("fs").readFileSync("${file}"), ${options} }, (response) => { console.log(response.statusCode); response.resume(); });
    request.on("error", (error) => console.log(error.code)).end("{}");`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, "close");
  return output.trim();
}

test.each([
  ["TLS 1.3", "", "closed after our certificate"],
  ["TLS 1.2", 'maxVersion: "TLSv1.2"', "closed in silence"],
])(
  "a Node client on %s that does not trust us is known by its first silent end",
  async (_version, options, how) => {
    const { port, unread, refusals, standing } = await setUp();
    expect(await nodeClient(port, [ROOT], options)).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/);
    const end = await unread.next();
    expect([end.reason, end.error]).toEqual(["client_refused_certificate", how]);
    expect(refusals).toEqual([how]);
    expect(standing()).toBe("refused");
  },
);

test("after its refusal the program's calls go through untouched", async () => {
  const { port, unread } = await setUp();
  await nodeClient(port, [ROOT]);
  await unread.next();
  expect(await nodeClient(port, [ROOT])).toBe("200");
  expect((await unread.next()).reason).toBe("client_refused_before");
});

test("an alert is a refusal at once", async () => {
  const { port, unread, standing } = await setUp();
  // OpenSSL's own client verifies within the handshake, and says what it thinks.
  const openssl = spawn(
    "openssl",
    [
      "s_client",
      "-connect",
      `127.0.0.1:${port}`,
      "-servername",
      HOST,
      "-verify_return_error",
      "-verify",
      "1",
    ],
    { stdio: ["ignore", "ignore", "ignore"] },
  );
  await once(openssl, "close");
  const end = await unread.next();
  expect([end.reason, end.error]).toEqual(["client_refused_certificate", "unknown ca"]);
  expect(standing()).toBe("refused");
});

test.each([
  ["half a record", (socket: net.Socket) => socket.end(Buffer.from("160301", "hex"))],
  ["a reset at once", (socket: net.Socket) => socket.resetAndDestroy()],
])("a client that breaks off before it has our certificate teaches nothing: %s", async (_what, leave) => {
  const { port, refusals, standing, trust } = await setUp();
  for (let count = 0; count < 3; count++) {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    leave(socket);
    await once(socket, "close");
  }
  trust.settle();
  expect(refusals).toEqual([]);
  expect(standing()).toBe("untried");
});

test("surplus connections of a client that trusts us teach nothing, however many", async () => {
  const { port, refusals, standing, trust } = await setUp();
  const dial = async () => {
    const session = tls.connect({ port, host: "127.0.0.1", servername: HOST, ca: [OURS] });
    session.on("error", () => {});
    await once(session, "secureConnect");
    return session;
  };
  const [used, ...surplus] = await Promise.all(Array.from({ length: 40 }, dial));
  for (const session of surplus) session.end();
  used!.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(used!, "data");
  await Promise.all(surplus.map((session) => session.destroyed || once(session, "close")));
  trust.settle();
  expect(refusals).toEqual([]);
  expect(standing()).toBe("untried");
});
