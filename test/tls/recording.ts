import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import type { Direction } from "../../src/connection/direction.js";
import type { SecretLabel } from "../../src/tls/candidates.js";

/** Bytes of one direction, or its end. */
export type Step = readonly [direction: Direction, bytes: Buffer | "end"];
export type Secret = readonly [label: SecretLabel, secret: Buffer];

/** What passed on the wire of one TLS session, and what it meant. */
export interface Recorded {
  readonly steps: readonly Step[];
  readonly secrets: readonly Secret[];
  /** As latin1: strings are compared faster than buffers. */
  readonly data: Readonly<Record<Direction, string>>;
}

export interface Recorder {
  readonly port: number;
  /** The steps of the nth connection, when it is over. */
  stepsOf(connection: number): Promise<readonly Step[]>;
  close(): Promise<void>;
}

/** A relay on loopback that writes down what passes. */
export async function startRecorder(serverPort: number): Promise<Recorder> {
  const connections: Promise<readonly Step[]>[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const upstream = net.connect({ port: serverPort, host: "127.0.0.1", allowHalfOpen: true });
    const steps: Step[] = [];
    connections.push(
      Promise.all([once(client, "close"), once(upstream, "close")]).then(
        () => steps,
        () => steps,
      ),
    );
    const copy = (direction: Direction, from: net.Socket, to: net.Socket): void => {
      from.on("data", (bytes) => {
        steps.push([direction, Buffer.from(bytes)]);
        to.write(bytes);
      });
      from.on("end", () => {
        steps.push([direction, "end"]);
        to.end();
      });
      from.on("error", () => to.destroy());
    };
    copy("request", client, upstream);
    copy("response", upstream, client);
  });
  const port = await listen(server);
  return {
    port,
    async stepsOf(connection) {
      return connections[connection]!;
    },
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}

export async function listen(server: net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Reads lines of the key log format. */
export function parseKeyLog(text: string): Secret[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [label, , secret] = line.split(" ");
      return [label as SecretLabel, Buffer.from(secret!, "hex")];
    });
}

export interface NodeSession {
  readonly client?: tls.ConnectionOptions;
  readonly server: tls.TlsOptions;
  /** What the client writes, one write each; and the server, when it has received that. */
  readonly request?: readonly Buffer[];
  readonly response?: readonly Buffer[];
  /** Connections one after the other, each resuming the session of the one before. */
  readonly connections?: number;
}

const HELLO = [Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")];
const ANSWER = [Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")];

/** Sessions between Node's own peers. */
export async function recordNode(session: NodeSession): Promise<Recorded[]> {
  const { request = HELLO, response = ANSWER, connections = 1 } = session;
  const wanted = Buffer.concat(request);
  const answer = Buffer.concat(response);
  const server = tls.createServer({ ...session.server }, (socket) => {
    socket.on("error", () => {});
    let left = wanted.length;
    const respond = (): void => {
      for (const bytes of response) socket.write(bytes);
      socket.end();
    };
    socket.on("data", (bytes) => {
      left -= bytes.length;
      if (left === 0) respond();
    });
    if (left === 0) respond();
  });
  const recorder = await startRecorder(await listen(server));
  const recorded: Recorded[] = [];
  let resumed: Buffer | undefined;
  for (let at = 0; at < connections; at++) {
    const lines: string[] = [];
    const socket = tls.connect({
      port: recorder.port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      ...(resumed && { session: resumed }),
      ...session.client,
    });
    socket.on("keylog", (line: Buffer) => lines.push(line.toString("latin1")));
    socket.on("session", (next) => {
      resumed = next;
    });
    socket.on("secureConnect", () => {
      for (const bytes of request) socket.write(bytes);
    });
    socket.resume();
    await once(socket, "end");
    await once(socket, "close");
    recorded.push({
      steps: await recorder.stepsOf(at),
      secrets: parseKeyLog(lines.join("")),
      data: { request: wanted.toString("latin1"), response: answer.toString("latin1") },
    });
  }
  await recorder.close();
  server.close();
  return recorded;
}
