/**
 * What it costs to read a TLS session from the copy, in CPU time of this process, against an endpoint (node:tls) that
 * decrypts the same stream in the same run: MB per second of one long answer, and of an
 * answer in small records, as streams of events have them.
 * Only the ratio means something.
 *
 *   node --import tsx bench/tls-reader.ts [rounds]
 */
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { fastestDecipher, type MakeDecipher, nodeDecipher } from "../src/tls/aead-decipher.js";
import { TlsSessionReader } from "../src/tls/session-reader.js";
import { keyPair } from "../test/tls/certificates.js";
import { parseKeyLog, type Secret } from "../test/tls/recording.js";

const [rounds = 7] = process.argv.slice(2).map(Number);

const SHAPES = {
  "bulk, 32 MB": { writes: 512, size: 64 << 10, fragment: 16 << 10 },
  // The smallest records that OpenSSL can be told to make, whatever Node joins.
  "events, 8 MB in records of 512 bytes": { writes: 512, size: 16 << 10, fragment: 512 },
} as const;
type Shape = (typeof SHAPES)[keyof typeof SHAPES];
const SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/** The socket of an endpoint that takes what the server sends, and counts the CPU time of taking it. */
class Wire extends Duplex {
  readonly chunks: Buffer[] = [];
  constructor(private readonly socket: net.Socket) {
    super();
    socket.on("data", (bytes) => {
      this.chunks.push(bytes);
      this.push(bytes);
    });
    socket.on("end", () => this.push(null));
  }
  override _read(): void {}
  override _write(bytes: Buffer, _: BufferEncoding, done: () => void): void {
    this.socket.write(bytes, () => done());
  }
  override _final(done: () => void): void {
    this.socket.end();
    done();
  }
}

interface Recorded {
  readonly hello: Buffer;
  readonly answer: Buffer[];
  readonly secrets: readonly Secret[];
  readonly bytes: number;
}

/** A server that sends `writes` records and ends; what it sent, and the client's hello. */
async function record(suite: string, { writes, size, fragment }: Shape): Promise<Recorded> {
  const bytes = Buffer.alloc(size, "data: {}\n");
  const server = tls.createServer(
    { ...keyPair("ecdsa"), ciphers: suite, minVersion: "TLSv1.3" },
    async (socket) => {
      socket.on("error", () => {});
      socket.setMaxSendFragment(fragment);
      for (let at = 0; at < writes; at++) if (!socket.write(bytes)) await once(socket, "drain");
      socket.end();
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = net.connect((server.address() as AddressInfo).port, "127.0.0.1");
  const sent: Buffer[] = [];
  const write = socket.write.bind(socket);
  socket.write = ((bytes: Buffer, done: () => void) => {
    sent.push(Buffer.from(bytes));
    return write(bytes, done);
  }) as typeof socket.write;
  const wire = new Wire(socket);
  const client = tls.connect({ socket: wire, rejectUnauthorized: false });
  const lines: string[] = [];
  client.on("keylog", (line: Buffer) => lines.push(line.toString("latin1")));
  client.resume();
  await once(client, "end");
  client.destroy();
  socket.destroy();
  server.close();
  const secrets = parseKeyLog(lines.join(""));
  return { hello: Buffer.concat(sent), answer: wire.chunks, secrets, bytes: writes * size };
}

function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

function read({ hello, answer, secrets, bytes }: Recorded, makeDecipher: MakeDecipher): number {
  let taken = 0;
  const events = {
    onEstablished() {},
    onData(_: unknown, data: Uint8Array) {
      taken += data.length;
    },
    onEnd() {},
    onFailed(reason: string) {
      throw new Error(reason);
    },
  };
  const reader = new TlsSessionReader(events, { maxPending: 1 << 20 }, makeDecipher);
  for (const [label, secret] of secrets) reader.addSecret(label, secret);
  const started = process.cpuUsage();
  reader.push("request", hello, 0);
  for (const chunk of answer) reader.push("response", chunk, 0);
  const seconds = cpuSeconds(started);
  reader.close();
  if (taken !== bytes) throw new Error(`read ${taken} of ${bytes} bytes`);
  return seconds;
}

/**
 * An endpoint cannot be given another's records, so it is a TLS client whose server's records were made beforehand:
 * its handshake runs live, then all that the server sends is held back, and taken in one go.
 */
async function endpoint(suite: string, { writes, size, fragment }: Shape): Promise<number> {
  const bytes = Buffer.alloc(size, "data: {}\n");
  const held: Buffer[] = [];
  let isHeld = false;
  const toClient = (chunk: Buffer): void => {
    if (isHeld) held.push(chunk);
    else clientWire.push(chunk);
  };
  const pipe = (send: (bytes: Buffer) => void): Duplex =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _, done) {
        send(chunk);
        done();
      },
    });
  const serverWire: Duplex = pipe(toClient);
  const clientWire: Duplex = pipe((chunk) => serverWire.push(chunk));
  const context = tls.createSecureContext({ ...keyPair("ecdsa"), ciphers: suite, minVersion: "TLSv1.3" });
  const server = new tls.TLSSocket(serverWire, { isServer: true, secureContext: context });
  const client = tls.connect({ socket: clientWire, rejectUnauthorized: false });
  let taken = 0;
  await Promise.all([once(server, "secure"), once(client, "secureConnect")]);
  await new Promise((resolve) => setImmediate(resolve));
  isHeld = true;
  server.setMaxSendFragment(fragment);
  for (let at = 0; at < writes; at++) if (!server.write(bytes)) await once(server, "drain");
  await new Promise((resolve) => server.write("", resolve));
  const done = new Promise<void>((resolve) => {
    client.on("data", (data: Buffer) => {
      taken += data.length;
      if (taken === writes * size) resolve();
    });
  });
  const chunks = held.flatMap((chunk) =>
    Array.from({ length: Math.ceil(chunk.length / (64 << 10)) }, (_, at) =>
      chunk.subarray(at << 16, (at + 1) << 16),
    ),
  );
  const started = process.cpuUsage();
  for (const chunk of chunks) clientWire.push(chunk);
  await done;
  const seconds = cpuSeconds(started);
  client.destroy();
  server.destroy();
  return seconds;
}

const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1]!;

console.log("CPU time for the same data, relative to node:tls as the endpoint (below 1 is cheaper)\n");
for (const suite of SUITES) {
  for (const [name, shape] of Object.entries(SHAPES)) {
    const recorded = await record(suite, shape);
    const times = { addon: [] as number[], node: [] as number[], endpoint: [] as number[] };
    for (let round = 0; round <= rounds; round++) {
      const one = {
        addon: read(recorded, fastestDecipher),
        node: read(recorded, nodeDecipher),
        endpoint: await endpoint(suite, shape),
      };
      // The first one warms up.
      if (round > 0) for (const way of ["addon", "node", "endpoint"] as const) times[way].push(one[way]);
    }
    const base = median(times.endpoint);
    const ratio = (way: "addon" | "node") => (median(times[way]) / base).toFixed(2);
    const rate = (seconds: number) => `${(recorded.bytes / 1e6 / seconds).toFixed(0)} MB/s`;
    console.log(
      `${suite.padEnd(30)}${name.padEnd(38)}addon ${ratio("addon")}  node:crypto ${ratio("node")}` +
        `  (${rate(median(times.addon))}, ${rate(median(times.node))}, endpoint ${rate(base)})`,
    );
  }
}
