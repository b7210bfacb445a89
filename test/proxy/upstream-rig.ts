/** Servers for upstream sessions: verified by a root of their own, and with an eye on what they are sent. */

import { generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer, type TlsOptions } from "node:tls";
import { makeCaCertificate } from "../../src/certificates/ca.js";
import { makeLeaf } from "../../src/certificates/leaf.js";
import type { Endpoint } from "../../src/connection/client.js";
import { readClientHello } from "../../src/proxy/verdict/client-hello.js";
import { HOST, listen } from "./client-hello-rig.js";

const newKey = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const caKey = newKey();
const serverKey = newKey();
export const ROOT = makeCaCertificate(caKey.privateKey);
const authority = {
  certificate: new X509Certificate(ROOT),
  certificatePem: ROOT,
  ...caKey,
  certificatePath: "",
};

export const certificateFor = (host: string) => ({
  key: serverKey.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  cert: makeLeaf(authority, host, serverKey.publicKey),
});

export interface TestServer extends AsyncDisposable {
  readonly target: Endpoint;
  /** First bytes of each connection: its hello. */
  readonly hellos: Buffer[];
  readonly sessions: Array<"new" | "resumed">;
  /** Takes new ticket keys. */
  forgetSessions(): void;
}

/** A TLS server for HOST that says "hello" to each session. */
export async function tlsServer(options: TlsOptions = {}): Promise<TestServer> {
  const hellos: Buffer[] = [];
  const sessions: TestServer["sessions"] = [];
  const sockets = new Set<Socket>();
  const tls = createServer({ ...certificateFor(HOST), ...options }, (session) => {
    sessions.push(session.isSessionReused() ? "resumed" : "new");
    session.on("error", () => {}).resume();
    session.write("hello");
  }).on("tlsClientError", () => {});
  const { server, port } = await listen((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    let seen = Buffer.alloc(0);
    const read = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      if (readClientHello(seen).kind === "incomplete") return;
      socket.off("data", read).pause();
      hellos.push(seen);
      socket.unshift(seen);
      tls.emit("connection", socket);
    };
    socket.on("data", read);
  });
  return {
    target: { address: "127.0.0.1", port },
    hellos,
    sessions,
    forgetSessions: () => tls.setTicketKeys(randomBytes(48)),
    [Symbol.asyncDispose]: () => closeAll(server, sockets),
  };
}

/** A plain server that does to each connection what `behave` says. */
export async function rawServer(
  behave: (socket: Socket) => void,
): Promise<{ target: Endpoint } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const { server } = await listen((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    behave(socket);
  });
  return {
    target: { address: "127.0.0.1", port: (server.address() as AddressInfo).port },
    [Symbol.asyncDispose]: () => closeAll(server, sockets),
  };
}

async function closeAll(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  server.close();
  for (const socket of sockets) socket.destroy();
  if (server.listening) await once(server, "close");
}
