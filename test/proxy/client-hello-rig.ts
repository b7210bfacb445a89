/** Client hellos of real programs, as they arrive at a loopback port. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { connect as connectTls } from "node:tls";
import { calculateJa3, calculateJa4, readTlsClientHello } from "read-tls-client-hello";
import { type ClientHello, readClientHello } from "../../src/proxy/verdict/client-hello.js";

export const HOST = "api.example.com";

/** Starts a client that sends its hello to that port and is ended by its peer. */
type Client = (port: number) => ChildProcess | Socket;

const program = (command: string, args: readonly string[], input = ""): ChildProcess => {
  const child = spawn(command, args, { stdio: ["pipe", "ignore", "ignore"] });
  child.stdin?.on("error", () => {}).end(input);
  return child;
};

const curl =
  (...options: string[]): Client =>
  (port) =>
    program("curl", ["-sk", ...options, "--connect-to", `::127.0.0.1:${port}`, `https://${HOST}/`]);

const python = (port: number, setUp = "") =>
  program("python3", [
    "-c",
    `import socket, ssl
context = ssl.create_default_context()
${setUp}
context.wrap_socket(socket.create_connection(("127.0.0.1", ${port})), server_hostname="${HOST}")`,
  ]);

export const CLIENTS: Readonly<Record<string, Client>> = {
  "curl, h2": curl(),
  "curl, http/1.1": curl("--http1.1"),
  "curl, TLS 1.2 at most": curl("--tls-max", "1.2"),
  node: (port) => connectTls({ port, host: "127.0.0.1", servername: HOST }).on("error", () => {}),
  "node, h2": (port) =>
    connectTls({
      port,
      host: "127.0.0.1",
      servername: HOST,
      ALPNProtocols: ["h2", "http/1.1"],
    }).on("error", () => {}),
  "python ssl": (port) => python(port),
  "python ssl, http/1.1": (port) => python(port, 'context.set_alpn_protocols(["http/1.1"])'),
  "openssl s_client": (port) =>
    program("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", HOST]),
  "openssl s_client, TLS 1.3 only": (port) =>
    program("openssl", ["s_client", "-tls1_3", "-connect", `127.0.0.1:${port}`, "-servername", HOST]),
};

/** Names of the clients whose program is on this machine. */
export const clientNames = Object.keys(CLIENTS).filter((name) => {
  const command = { curl: "curl", python: "python3", openssl: "openssl" }[name.split(/[ ,]/)[0]!];
  try {
    if (command) execFileSync(command, [command === "openssl" ? "version" : "--version"]);
    return true;
  } catch {
    return false;
  }
});

/** A server on a free loopback port. */
export async function listen(
  onConnection: (socket: Socket) => void,
): Promise<{ server: Server; port: number }> {
  const server = createServer(onConnection).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/** All bytes that a client sends before anybody answers. */
export async function captureHello(name: string): Promise<Buffer> {
  const { server, port } = await listen(() => {});
  const client = CLIENTS[name]!(port);
  const [socket] = (await once(server, "connection")) as [Socket];
  socket.on("error", () => {});
  let bytes = Buffer.alloc(0);
  while (readClientHello(bytes).kind === "incomplete") {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  socket.destroy();
  if ("destroy" in client) client.destroy();
  server.close();
  return bytes;
}

/** The hello of `bytes`. Throws when they are none. */
export function helloOf(bytes: Buffer): ClientHello {
  const read = readClientHello(bytes);
  if (read.kind !== "hello") throw new Error(`not a hello: ${read.kind}`);
  return read.hello;
}

export const streamOf = (bytes: Buffer) => new PassThrough().end(bytes);

export async function fingerprints(bytes: Buffer): Promise<{ ja3: string; ja4: string }> {
  const message = await readTlsClientHello(streamOf(bytes));
  return { ja3: calculateJa3(message), ja4: calculateJa4(message) };
}

/** The same handshake message in records of at most `size` bytes (RFC 8446 §5.1). */
export function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const fragment = message.subarray(at, at + size);
    const header = Buffer.from([22, 3, 1, 0, 0]);
    header.writeUInt16BE(fragment.length, 3);
    records.push(header, fragment);
  }
  return Buffer.concat(records);
}
