import { once } from "node:events";
import net from "node:net";
import type { Endpoint } from "../../src/connection/client.js";
import type {
  FrontConnection,
  FrontOptions,
  PassthroughEnd,
  TapBatch,
} from "../../src/proxy/accept/front.js";
import { NativeFront } from "../../src/proxy/accept/front-native.js";
import { TapLog } from "./front-tap-log.js";

/** What arrives, in order, for whoever asks next. */
export class Inbox<T> {
  private readonly arrived: T[] = [];
  private readonly asked: ((value: T) => void)[] = [];

  readonly put = (value: T): void => {
    const taker = this.asked.shift();
    if (taker) taker(value);
    else this.arrived.push(value);
  };
  next(): Promise<T> {
    const value = this.arrived.shift();
    return value === undefined ? new Promise((resolve) => this.asked.push(resolve)) : Promise.resolve(value);
  }
  get size(): number {
    return this.arrived.length;
  }
}

export interface RigOptions extends Partial<FrontOptions> {
  /** Gives the verdict; without it, tests take connections from `connections` and give it themselves. */
  readonly verdict?: (front: NativeFront, connection: FrontConnection, upstream: Endpoint) => void;
  /** Whether what the tap hands over is acknowledged; true when absent. */
  readonly acknowledges?: boolean;
  /** Gets the batches in the place of `taps`. */
  readonly onTap?: (front: NativeFront, batch: TapBatch) => void;
}

export const passAll: RigOptions["verdict"] = (front, { id }, upstream) => front.passthrough(id, upstream);

export const readAllOf: RigOptions["verdict"] = (front, { id }, upstream) =>
  front.read(id, upstream, { maxTapBytes: 32 << 20, hold: false });

/** A front between clients and a server of this process, over loopback. Everything ends with the rig. */
export class Rig implements AsyncDisposable {
  readonly connections = new Inbox<FrontConnection>();
  readonly ends = new Inbox<PassthroughEnd>();
  readonly accepted = new Inbox<net.Socket>();
  readonly taps = new TapLog();
  private readonly sockets = new Set<net.Socket>();
  private constructor(
    readonly front: NativeFront,
    readonly server: net.Server,
    readonly upstream: Endpoint,
  ) {}

  static async open(options: RigOptions = {}): Promise<Rig> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      rig.own(socket);
      rig.accepted.put(socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const upstream = { address: "127.0.0.1", port: (server.address() as net.AddressInfo).port };
    const { verdict, acknowledges = true, onTap, ...rest } = options;
    const front: NativeFront = new NativeFront(
      { listen: [{ address: "127.0.0.1", port: 0 }], ...rest },
      {
        onConnection(connection) {
          rig.connections.put(connection);
          verdict?.(front, connection, upstream);
        },
        onPassthroughEnd: (end) => rig.ends.put(end),
        onTap(batch) {
          if (acknowledges) rig.acknowledge(batch);
          if (onTap) onTap(front, batch);
          else rig.taps.add(batch);
        },
        onTapLost: (id) => rig.taps.lost.push(id),
      },
    );
    const rig: Rig = new Rig(front, server, upstream);
    return rig;
  }

  acknowledge({ shares }: TapBatch): void {
    for (let at = 0; at < shares.length; at += 2) this.front.tapConsumed(shares[at]!, shares[at + 1]!);
  }

  /** A client's connection to the front; it does not close its side because the server did. */
  connect(): net.Socket {
    const { address, port } = this.front.addresses[0]!;
    return this.own(net.connect({ host: address, port, allowHalfOpen: true, noDelay: true }));
  }

  /** Closed with the rig; its errors are looked at by the tests that wait for them. */
  own(socket: net.Socket): net.Socket {
    this.sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.sockets.delete(socket));
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front.destroy();
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** All that comes until the end; the other direction stays open. Rejects with the socket's error. */
export async function readAll(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await once(socket, "end");
  return Buffer.concat(chunks);
}

/** Resolves when at least so many bytes have come; the rest stays unread. */
export async function readBytes(socket: net.Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let have = 0;
  while (have < length) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      await once(socket, "readable");
      continue;
    }
    chunks.push(chunk);
    have += chunk.length;
  }
  return Buffer.concat(chunks);
}

/** The socket's error code, such as ECONNRESET, or "closed" when it closes without one. */
export async function closing(socket: net.Socket): Promise<string> {
  const how = (error: NodeJS.ErrnoException | null) => (error ? (error.code ?? error.message) : "closed");
  return new Promise((resolve) => {
    if (socket.closed) return resolve(how(socket.errored));
    socket.once("error", (error) => resolve(how(error)));
    socket.once("close", () => resolve(how(socket.errored)));
    socket.resume();
  });
}

/** A client hello of this many bytes with its 4-byte header, padded by a padding extension (RFC 7685). */
export function clientHello(length: number): Buffer {
  const fixed = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7), // random
    Buffer.from([0, 0, 2, 0x13, 0x01, 1, 0]), // session id, cipher suites, compression
  ]);
  const padding = Buffer.alloc(length - 4 - fixed.length - 6);
  const extensions = Buffer.alloc(6);
  extensions.writeUInt16BE(4 + padding.length, 0);
  extensions.writeUInt16BE(21, 2);
  extensions.writeUInt16BE(padding.length, 4);
  const header = Buffer.alloc(4);
  header.writeUInt32BE((1 << 24) | (length - 4));
  return Buffer.concat([header, fixed, extensions, padding]);
}

/** A handshake message in TLS records of at most so many bytes. */
export function records(message: Buffer, size = 1 << 14): Buffer {
  const parts: Buffer[] = [];
  for (let offset = 0; offset < message.length; offset += size) {
    const fragment = message.subarray(offset, offset + size);
    parts.push(Buffer.from([22, 3, 1, fragment.length >> 8, fragment.length & 0xff]), fragment);
  }
  return Buffer.concat(parts);
}
