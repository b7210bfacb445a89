import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { expect, onTestFinished } from "vitest";
import { type Message, parseMessage, splitFrames } from "./rfc5424.js";

/** A log server that takes messages by the RFCs' grammar; it ends with the test. */
export class LogServer {
  readonly messages: Message[] = [];
  readonly failures: string[] = [];
  connections = 0;
  /** What becomes of a connection: read to its end, broken after so many bytes, or never ended by the server. */
  onConnection: (socket: Socket, number: number) => "read" | "kept" | { readonly breakAfter: number } = () =>
    "read";

  private constructor(
    readonly port: number,
    private readonly server: Server | undefined,
  ) {}

  static async open(kind: "tcp" | TlsOptions = "tcp", port = 0): Promise<LogServer> {
    const sockets = new Set<Socket>();
    const take = (socket: Socket) => {
      sockets.add(socket);
      self.take(socket);
    };
    // Half open: each end of a connection is the server's own doing.
    const server =
      kind === "tcp"
        ? createServer({ allowHalfOpen: true }, take)
        : createTlsServer({ ...kind, allowHalfOpen: true } as TlsOptions, take);
    server.on("tlsClientError", (error: Error) => self.failures.push(error.message));
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const self = new LogServer((server.address() as AddressInfo).port, server);
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return self;
  }

  static async openUdp(): Promise<LogServer & { readonly lengths: number[] }> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const lengths: number[] = [];
    const self = Object.assign(new LogServer(socket.address().port, undefined), { lengths });
    socket.on("message", (bytes) => {
      lengths.push(bytes.length);
      self.messages.push(parseMessage(bytes));
    });
    onTestFinished(() => void socket.close());
    return self;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server!.close(() => resolve()));
  }

  ids(): string[] {
    return this.messages.map(({ text }) => (JSON.parse(text) as { event_id: string }).event_id);
  }

  until(isSo: () => boolean): Promise<void> {
    return expect.poll(isSo, { timeout: 20_000 }).toBe(true);
  }

  private take(socket: Socket): void {
    this.connections += 1;
    const fate = this.onConnection(socket, this.connections);
    let rest: Buffer = Buffer.alloc(0);
    let read = 0;
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      read += bytes.length;
      if (typeof fate === "object" && read >= fate.breakAfter) {
        socket.resetAndDestroy();
        return;
      }
      try {
        const split = splitFrames(Buffer.concat([rest, bytes]));
        rest = split.rest;
        this.messages.push(...split.messages.map(parseMessage));
      } catch (error) {
        this.failures.push((error as Error).message);
      }
    });
    socket.on("end", () => {
      if (rest.length > 0) this.failures.push("the last frame was not whole");
      if (fate === "read") socket.end();
    });
  }
}
