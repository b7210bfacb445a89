import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import tls from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { makeCaCertificate } from "../../src/certificates/ca.js";
import { LeafIssuer } from "../../src/certificates/leaf.js";
import type { Owner } from "../../src/connection/client.js";
import { listen } from "../../src/proxy/accept/listener.js";
import { DataPlane } from "../../src/proxy/data-plane.js";
import { UpstreamConnector } from "../../src/proxy/upstream/upstream.js";
import type { KnownClient } from "../../src/proxy/verdict/client.js";
import { HOST } from "./client-hello-rig.js";
import { closing, Inbox, readAll, readBytes } from "./front-rig.js";
import { own } from "./sockets.js";
import { INTERCEPT_ALL, trustBook } from "./trust-rig.js";
import { certificateFor, ROOT, rawServer } from "./upstream-rig.js";

const caKey = generateKeyPairSync("ec", { namedCurve: "P-256" });
const OURS = makeCaCertificate(caKey.privateKey);

const client = (name: string): KnownClient => ({
  owner: { kind: "process", process: { pid: 1, name }, ancestors: [] },
});
const nameOf = (owner: Owner) => (owner.kind === "process" ? owner.process.name : owner.reason);

interface Setup {
  /** A connection that has said nothing, and the server's end of it, which the data plane opened. */
  silent(): Promise<{ client: Socket; server: Socket }>;
  /** Connections that the server has got beyond those. */
  readonly connections: Inbox<Socket>;
  readonly tapped: string[];
  readonly plane: DataPlane;
}

async function setUp(knowledge: "readable" | "unknown"): Promise<Setup> {
  const connections = new Inbox<Socket>();
  const server = await rawServer((socket) => connections.put(socket));
  const tapped: string[] = [];
  const authority = { certificate: new X509Certificate(OURS), certificatePem: OURS, certificatePath: "" };
  const issuer = new LeafIssuer({ ...authority, ...caKey });
  const plane = new DataPlane({
    issuer: () => issuer,
    upstream: new UpstreamConnector({ roots: [ROOT], env: {} }),
    taps: {
      open: ({ owner }) => ({
        push: (direction, bytes) => tapped.push(`${nameOf(owner)}: ${direction} ${Buffer.from(bytes)}`),
        end: () => {},
        close: () => {},
      }),
      openCopied: () => ({ abandon: () => {}, close: () => {} }),
      unread: ({ reason }) => tapped.push(reason),
    },
    route: (destination) => destination,
    policy: () => ({ ...INTERCEPT_ALL, knowledgeOf: () => knowledge }),
    trust: trustBook(),
    maxIntercepted: 10,
  });
  const listener = await listen({
    port: 0,
    originalDestination: () => null,
    onAccept: () => undefined,
    onConnection: (arrival) => {
      const atAccept = Promise.resolve(client("shell"));
      void plane.handle({ ...arrival, destination: server.target }, atAccept, async () => client("agent"));
    },
  });
  onTestFinished(async () => {
    listener.close();
    listener.destroy();
    await server[Symbol.asyncDispose]();
  });
  const silent = async () => {
    const client = own(net.connect({ port: listener.port, host: "127.0.0.1", allowHalfOpen: true }));
    return { client, server: await connections.next() };
  };
  return { silent, connections, tapped, plane };
}

/** A request and its answer in TLS over an open connection, as a client that trusts both our certificate and the server's. */
async function talk(client: Socket, server: Socket): Promise<{ answer: string; isOurs: boolean }> {
  const secureContext = tls.createSecureContext(certificateFor(HOST));
  const far = new tls.TLSSocket(server, { isServer: true, secureContext });
  far.on("error", () => {}).once("data", () => far.end("hello"));
  const near = tls.connect({ socket: client, servername: HOST, ca: [OURS, ROOT] });
  await once(near, "secureConnect");
  const isOurs = near.getPeerX509Certificate()!.verify(caKey.publicKey);
  near.write("hi");
  return { answer: (await readAll(near)).toString(), isOurs };
}

test("a client that starts slowly is still read, and is who it is by then, over the connection that was opened for it", async () => {
  const { silent, connections, tapped } = await setUp("readable");
  const { client, server } = await silent();
  const { answer, isOurs } = await talk(client, server);
  expect(answer).toBe("hello");
  expect(isOurs).toBe(true);
  expect(tapped).toEqual(["agent: request hi", "agent: response hello"]);
  expect(connections.size).toBe(0);
});

test("one that starts slowly with an unknown host passes through over that connection", async () => {
  const { silent, connections, tapped } = await setUp("unknown");
  const { client, server } = await silent();
  const { answer, isOurs } = await talk(client, server);
  expect(answer).toBe("hello");
  expect(isOurs).toBe(false);
  expect(tapped).toEqual([]);
  expect(connections.size).toBe(0);
});

test("a server that speaks first is heard at once, and the rest passes both ways", async () => {
  const { silent, plane } = await setUp("readable");
  const { client, server } = await silent();
  server.write("220 mail.example\r\n");
  expect((await readBytes(client, 18)).toString()).toBe("220 mail.example\r\n");
  client.write("QUIT\r\n");
  expect((await readBytes(server, 6)).toString()).toBe("QUIT\r\n");
  server.end("221 bye\r\n");
  expect((await readAll(client)).toString()).toBe("221 bye\r\n");
  expect(plane.stats.passedThrough).toBe(1);
});

test.each(["client", "server"] as const)(
  "the %s's reset reaches the other side of a silence",
  async (who) => {
    const { silent } = await setUp("readable");
    const ends = await silent();
    const other = ends[who === "client" ? "server" : "client"];
    const closed = closing(other.resume());
    ends[who].resetAndDestroy();
    expect(await closed).toBe("ECONNRESET");
  },
);

test("a client that ends without a word ends so at the server", async () => {
  const { silent } = await setUp("readable");
  const { client, server } = await silent();
  client.end();
  expect(await readAll(server)).toHaveLength(0);
  server.end();
  expect(await readAll(client)).toHaveLength(0);
});
