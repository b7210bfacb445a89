import { execFileSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";
import { LabAuthority } from "../../lab/certificates.js";
import { type ProbeMethod, SecretProbes } from "../../src/secrets/probes.js";
import { type SecretFrame, SecretFrameReader } from "../../src/secrets/secret-frame.js";
import type { Site } from "../../src/secrets/site.js";
import { type Started, start } from "../native/clients.js";
import { temporaryFolder } from "../temporary-folder.js";

/** Why these tests cannot run here; null when they can. */
export const noProbes = SecretProbes.support();

/** For what comes soon on a machine that does nothing else. */
export const PATIENT = { timeout: 120_000 };

/** Node's own build of OpenSSL names the function; a Node that takes the system's library has none. */
export const NODE_HAS_SITE = fs.readFileSync(process.execPath).includes("\0ssl_log_secret\0");

/** A probe counts for every process of the machine that maps the file, so only copies are probed. */
export class PrivateFile implements Disposable {
  readonly path: string;
  readonly fd: number;

  constructor(original: string, name = path.basename(original)) {
    const folder = temporaryFolder();
    fs.chmodSync(folder, 0o755);
    this.path = path.join(folder, name);
    fs.copyFileSync(fs.realpathSync(original), this.path);
    this.fd = fs.openSync(this.path, "r");
  }

  get folder(): string {
    return path.dirname(this.path);
  }

  [Symbol.dispose](): void {
    fs.closeSync(this.fd);
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The place of a function that the file names, as `nm` and `readelf` tell it. */
export function siteNamed(file: string, symbol: string, kind: Site["kind"] = "keylog"): Site {
  const nm = (...options: string[]) =>
    execFileSync("nm", [...options, file], { encoding: "utf8", maxBuffer: 1 << 28 });
  const line = new RegExp(`^([0-9a-f]+) [tT] ${symbol.replace(/[.*()]/g, "\\$&")}$`, "m");
  const found = line.exec(nm("-D")) ?? line.exec(nm());
  const address = Number.parseInt(found![1]!, 16);
  const segments = execFileSync("readelf", ["-lW", file], { encoding: "utf8" });
  for (const [, offset, start, size] of segments.matchAll(/LOAD\s+(0x\w+) (0x\w+) 0x\w+ (0x\w+)/g)) {
    const into = address - Number(start);
    if (into >= 0 && into < Number(size)) return { kind, offset: into + Number(offset) };
  }
  throw new Error(`${symbol} lies in no segment`);
}

/** Probes, and what they write. */
export class Probed implements AsyncDisposable {
  readonly probes: SecretProbes;
  readonly frames: SecretFrame[] = [];
  private readonly reader = new SecretFrameReader();
  private readonly stream: net.Socket;
  private readonly ends: number;
  private readonly folder = temporaryFolder();

  constructor(options: { method?: ProbeMethod; wantedMs?: number } = {}) {
    const fifo = path.join(this.folder, "secrets");
    execFileSync("mkfifo", [fifo]);
    this.ends = fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    this.probes = new SecretProbes(this.ends, options);
    this.stream = new net.Socket({ fd: fs.openSync(fifo, "r"), readable: true, writable: false });
    this.stream.on("data", (bytes) => {
      this.reader.push(bytes, (frame) => this.frames.push(frame));
      this.stream.emit("frames");
    });
  }

  /** Waits until frames are there for which the condition holds. */
  async until(condition: (frames: readonly SecretFrame[]) => boolean): Promise<void> {
    while (!condition(this.frames)) await once(this.stream, "frames");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.probes.close();
    this.stream.destroy();
    await once(this.stream, "close");
    fs.closeSync(this.ends);
    fs.rmSync(this.folder, { recursive: true });
  }
}

/** A TLS server behind a relay that names each client random before the server sees the hello. */
export class TlsRelay implements AsyncDisposable {
  /** What to do about a hello before it goes on. */
  onHello: (random: Buffer) => unknown = () => {};
  /** Handshakes that failed, as the server saw them. */
  readonly errors: Error[] = [];
  private readonly sockets = new Set<net.Socket>();

  private constructor(
    private readonly server: tls.Server,
    private readonly relay: net.Server,
  ) {}

  static async listen(options: tls.TlsOptions = {}): Promise<TlsRelay> {
    const { key, cert } = new LabAuthority().issue(["localhost"]);
    const answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    const server = tls.createServer({ key, cert, ...options }, (socket) => {
      let head = "";
      socket.on("data", (bytes) => {
        head += bytes;
        if (head.endsWith("\r\n\r\n")) socket.end(answer);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const relay = net.createServer({ allowHalfOpen: true });
    const self = new TlsRelay(server, relay);
    server.on("tlsClientError", (error) => self.errors.push(error));
    relay.on("connection", (client) => self.pass(client));
    relay.listen(0, "127.0.0.1");
    await once(relay, "listening");
    return self;
  }

  get port(): number {
    return (this.relay.address() as net.AddressInfo).port;
  }

  private pass(client: net.Socket): void {
    const upstream = net.connect({
      port: (this.server.address() as net.AddressInfo).port,
      host: "127.0.0.1",
      allowHalfOpen: true,
    });
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
      socket.on("error", () => {}); // who closes first may let the other write into the void
    }
    client.once("data", async (hello) => {
      client.pause();
      await this.onHello(Buffer.from(hello.subarray(11, 43)));
      upstream.write(hello);
      client.pipe(upstream).pipe(client);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.relay.close();
    this.server.close();
    await Promise.all([once(this.relay, "close"), once(this.server, "close")]);
  }
}

/** One line of a key log: label, client random, secret; the latter two in hex. */
export interface KeyLogLine {
  readonly label: string;
  readonly random: string;
  readonly secret: string;
}

export function keyLog(text: string): KeyLogLine[] {
  return [...text.matchAll(/^(\w+) ([0-9a-f]{64}) ([0-9a-f]+)$/gm)].map(([, label, random, secret]) => ({
    label: label!,
    random: random!,
    secret: secret!,
  }));
}

const NODE_CLIENT = `
  const tls = require("node:tls");
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const { port, count, version } = JSON.parse(line);
    const answer = { keyLog: "", errors: [] };
    let left = count;
    for (let i = 0; i < count; i++) {
      const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false, minVersion: version, maxVersion: version });
      socket.on("keylog", (text) => { answer.keyLog += text; });
      socket.on("error", (error) => answer.errors.push(String(error)));
      socket.on("close", () => { if (--left === 0) console.log(JSON.stringify(answer)); });
      socket.end("GET / HTTP/1.1\\r\\n\\r\\n");
      socket.resume();
    }
  });
  console.log("ready");`;

/** A Node process from a private copy that opens TLS connections and tells its own key log. */
export class NodeClient implements AsyncDisposable {
  private constructor(private readonly started: Started) {}

  static async start(executable: string): Promise<NodeClient> {
    const started = start(executable, ["-e", NODE_CLIENT]);
    await started.line();
    return new NodeClient(started);
  }

  get pid(): number {
    return this.started.pid;
  }

  /** `count` connections at a time; resolves when all have closed. */
  async connect(
    port: number,
    { count = 1, version = "TLSv1.3" } = {},
  ): Promise<{ lines: KeyLogLine[]; errors: string[] }> {
    this.started.process.stdin!.write(`${JSON.stringify({ port, count, version })}\n`);
    const answer = JSON.parse(await this.started.line());
    return { lines: keyLog(answer.keyLog), errors: answer.errors };
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.started[Symbol.asyncDispose]();
  }
}

/** The frame's label and secret as a key log has them. */
export const asLine = ({ label, secret }: SecretFrame) => `${label} ${secret.toString("hex")}`;
