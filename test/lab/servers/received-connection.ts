import { createHash } from "node:crypto";
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

/** What a connection brought, written down when it is over. */
export interface ReceivedConnection {
  readonly serverName: string | null;
  readonly alpn: string | null;
  readonly tlsVersion: string | null;
  readonly clientCertificate: string | null;
  readonly remoteAddress: string | null;
  readonly remotePort: number | null;
  /** All decrypted bytes that came in: their number and SHA-256 in hex. */
  readonly bytes: number;
  readonly sha256: string;
  /** The first 64 KiB of them, base64. */
  readonly head: string;
  /** `ended` with FIN, or `reset`. */
  readonly end: "ended" | "reset";
}

const HEAD = 64 << 10;

/**
 * The socket with every byte noted before HTTP gets to see it: frames, header order and case, as they came.
 * (A data listener on the socket itself would take the bytes away from node:http2.)
 */
export class RecordedSocket extends Duplex {
  private readonly socket: TLSSocket;

  constructor(socket: TLSSocket, onEnd: (received: ReceivedConnection) => void) {
    super();
    this.socket = socket;
    const hash = createHash("sha256");
    const head: Buffer[] = [];
    let bytes = 0;
    let end: ReceivedConnection["end"] = "reset";
    // The addresses are gone once the socket is closed.
    const about = {
      serverName: typeof socket.servername === "string" ? socket.servername : null,
      alpn: socket.alpnProtocol || null,
      tlsVersion: socket.getProtocol(),
      clientCertificate: socket.getPeerX509Certificate()?.fingerprint256 ?? null,
      remoteAddress: socket.remoteAddress ?? null,
      remotePort: socket.remotePort ?? null,
    };
    socket.on("data", (chunk: Buffer) => {
      hash.update(chunk);
      if (bytes < HEAD) head.push(Buffer.from(chunk.subarray(0, HEAD - bytes)));
      bytes += chunk.length;
      if (!this.push(chunk)) socket.pause();
    });
    socket.on("end", () => {
      end = "ended";
      this.push(null);
    });
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => {
      onEnd({
        ...about,
        bytes,
        sha256: hash.digest("hex"),
        head: Buffer.concat(head).toString("base64"),
        end,
      });
      this.destroy();
    });
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }
}
