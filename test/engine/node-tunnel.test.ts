import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer as createHttpServer, type IncomingMessage, type Server } from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import forge from "node-forge";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { nodeTunnelEnvironment } from "../../src/engine/node-tunnel.js";
import { proxyEnvironment } from "../../src/trust/trust-environment.js";

const HOST = "api.example";
const WS = import.meta.resolve("ws");

let folder: string;
let certificate: string;
let server: http2.Http2SecureServer;
let proxy: Server;
let asked: string[] = [];
let refusal: string | undefined;

const portOf = (of: net.Server) => (of.address() as AddressInfo).port;

function selfSigned(): { key: string; cert: string } {
  const keys = forge.pki.rsa.generateKeyPair(2048);
  const cert = forge.pki.createCertificate();
  cert.publicKey = keys.publicKey;
  cert.serialNumber = "01";
  cert.validity.notBefore = new Date(Date.now() - 86_400_000);
  cert.validity.notAfter = new Date(Date.now() + 86_400_000);
  cert.setSubject([{ name: "commonName", value: HOST }]);
  cert.setIssuer([{ name: "commonName", value: HOST }]);
  const altNames = [
    { type: 2, value: HOST },
    { type: 2, value: "localhost" },
  ];
  cert.setExtensions([
    { name: "basicConstraints", cA: true },
    { name: "subjectAltName", altNames },
  ]);
  cert.sign(keys.privateKey, forge.md.sha256.create());
  return { key: forge.pki.privateKeyToPem(keys.privateKey), cert: forge.pki.certificateToPem(cert) };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "oximy-tunnel-"));
  const pair = selfSigned();
  certificate = join(folder, "certificate.pem");
  writeFileSync(certificate, pair.cert);
  server = http2.createSecureServer({ ...pair, allowHTTP1: true }, (request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("end", () => {
      const size = Number(/^\/bytes\/(\d+)$/.exec(request.url)?.[1] ?? 0);
      response.end(size > 0 ? Buffer.alloc(size, "x") : `${bytes} bytes`);
    });
  });
  new WebSocketServer({ server: server as unknown as Server }).on("connection", (socket) =>
    socket.on("message", (message) => socket.send(`echo ${message}`)),
  );
  server.listen(0, "127.0.0.1");
  proxy = createHttpServer();
  proxy.on("connect", (request: IncomingMessage, client: net.Socket) => {
    asked.push(request.url!);
    client.on("error", () => {});
    if (refusal !== undefined) return client.end(refusal);
    const upstream = net.connect(portOf(server), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      client.pipe(upstream).pipe(client);
    });
    upstream.on("error", () => {});
  });
  proxy.listen(0, "127.0.0.1");
  await Promise.all([once(server, "listening"), once(proxy, "listening")]);
});

afterAll(() => {
  proxy.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Circumstances {
  readonly env?: Record<string, string>;
  readonly port?: number;
  readonly extension?: string;
}

/**
 * Runs a program as `oximy run` starts it, but for what newer Nodes do about proxies themselves. Who connects directly
 * finds no such host.
 */
async function run(source: string, { env, port = portOf(proxy), extension = "mjs" }: Circumstances = {}) {
  asked = [];
  const file = join(folder, `client.${extension}`);
  writeFileSync(file, source);
  const child = spawn(process.env.OXIMY_LAB_NODE ?? process.execPath, [file], {
    env: {
      PATH: process.env.PATH!,
      NODE_EXTRA_CA_CERTS: certificate,
      ...proxyEnvironment(port),
      ...nodeTunnelEnvironment(port),
      NODE_USE_ENV_PROXY: "",
      ...env,
    },
    timeout: 15_000,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (bytes) => {
    stdout += bytes;
  });
  child.stderr.on("data", (bytes) => {
    stderr += bytes;
  });
  const [code] = await once(child, "close");
  return { code, stdout: stdout.trim(), stderr, asked };
}

const URL_ = `https://${HOST}/`;
const get = (module: string, options = "{}") =>
  `import ${module} from "node:${module}";
   ${module}.get("${URL_}", ${options}, (response) => response.pipe(process.stdout));`;

describe("Node, preloaded by oximy run", () => {
  it.each<[string, string, string]>([
    ["https", get("https"), "0 bytes"],
    ["https with an agent of its own", get("https", "{ agent: false }"), "0 bytes"],
    [
      "https with keep-alive, which ends at once all the same",
      `import https from "node:https";
       const agent = new https.Agent({ keepAlive: true });
       https.get("${URL_}", { agent }, (response) => response.pipe(process.stdout));`,
      "0 bytes",
    ],
    ["fetch", `console.log(await (await fetch("${URL_}")).text());`, "0 bytes"],
    [
      "fetch with a megabyte up",
      `console.log(await (await fetch("${URL_}", { method: "POST", body: Buffer.alloc(1 << 20) })).text());`,
      "1048576 bytes",
    ],
    [
      "fetch with eight megabytes down",
      `console.log((await (await fetch("${URL_}bytes/8388608")).arrayBuffer()).byteLength);`,
      "8388608",
    ],
    [
      "http2",
      `import http2 from "node:http2";
       const session = http2.connect("${URL_}");
       const stream = session.request({ ":path": "/" });
       stream.pipe(process.stdout);
       stream.on("end", () => session.close());`,
      "0 bytes",
    ],
    [
      "ws",
      `import WebSocket from "${WS}";
       const socket = new WebSocket("wss://${HOST}/");
       socket.on("open", () => socket.send("hello"));
       socket.on("message", (message) => { console.log(String(message)); socket.close(); });`,
      "echo hello",
    ],
    [
      "tls.connect by name, with a port and a host",
      `import { connect } from "node:tls";
       const socket = connect(443, "${HOST}", { servername: "${HOST}" }, () =>
         socket.write("GET / HTTP/1.1\\r\\nhost: ${HOST}\\r\\nconnection: close\\r\\n\\r\\n"));
       let all = "";
       socket.on("data", (bytes) => { all += bytes; }).on("end", () => console.log(all.split("\\r\\n").at(-1)));`,
      "0 bytes",
    ],
    [
      "a worker thread",
      `import { Worker } from "node:worker_threads";
       new Worker(\`fetch("${URL_}").then((answer) => answer.text()).then(console.log)\`, { eval: true });`,
      "0 bytes",
    ],
  ])("goes through the proxy with %s", async (_, source, stdout) => {
    expect(await run(source)).toMatchObject({ code: 0, stdout, asked: [`${HOST}:443`] });
  });

  it("goes where the program resolves a name to", async () => {
    const lookup = `(host, options, done) => options.all ? done(null, [{ address: "203.0.113.7", family: 4 }]) : done(null, "203.0.113.7", 4)`;
    const { stdout, asked } = await run(get("https", `{ lookup: ${lookup} }`));
    expect({ stdout, asked }).toEqual({ stdout: "0 bytes", asked: ["203.0.113.7:443"] });
  });

  it("gives the program the error of its own resolver", async () => {
    const source = `import https from "node:https";
      const lookup = (host, options, done) => done(Object.assign(new Error("not allowed"), { code: "EPOLICY" }));
      https.get("${URL_}", { lookup }).on("error", ({ code }) => console.log(code));`;
    expect(await run(source)).toMatchObject({ code: 0, stdout: "EPOLICY", asked: [] });
  });

  it.each([
    ["a status", "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"],
    ["no HTTP", "SSH-2.0-OpenSSH\r\n\r\n"],
    ["an end", ""],
    ["a head without an end", `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}`],
  ])("reports a refused connection when the proxy answers with %s", async (_, answer) => {
    refusal = answer;
    const source = `import https from "node:https";
      https.get("${URL_}").on("error", ({ code }) => console.log(code));`;
    try {
      expect(await run(source)).toMatchObject({ code: 0, stdout: "ECONNREFUSED" });
    } finally {
      refusal = undefined;
    }
  });

  const direct = () => `import https from "node:https";
    https.get("https://localhost:${portOf(server)}/", (response) => response.pipe(process.stdout));`;
  const isDirect = { code: 0, stdout: "0 bytes", asked: [] };

  it("leaves loopback alone", async () => {
    expect(await run(direct())).toMatchObject(isDirect);
  });

  it.each([
    ["NO_PROXY names the host", { NO_PROXY: `a.test, .${HOST}` }],
    ["NO_PROXY names all", { NO_PROXY: "*" }],
    ["it was given another proxy", { HTTPS_PROXY: "http://127.0.0.1:9", https_proxy: "" }],
    ["it was given none", { HTTPS_PROXY: "", https_proxy: "" }],
  ])("connects directly where %s", async (_, env) => {
    const source = `import https from "node:https";
      https.get("${URL_}").on("error", ({ code }) => console.log(code));`;
    const { stdout, asked } = await run(source, { env });
    expect({ stdout: stdout.replace("EAI_AGAIN", "ENOTFOUND"), asked }).toEqual({
      stdout: "ENOTFOUND",
      asked: [],
    });
  });

  it("connects directly when the run is over and its proxy gone", async () => {
    const gone = net.createServer().listen(0, "127.0.0.1");
    await once(gone, "listening");
    const port = portOf(gone);
    gone.close();
    await once(gone, "close");
    const source = `import https from "node:https";
      const lookup = (host, options, done) =>
        options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
      https.get("https://${HOST}:${portOf(server)}/", { lookup }, (response) => response.pipe(process.stdout));`;
    expect(await run(source, { port })).toMatchObject(isDirect);
  });

  it("can be required by CommonJS too", async () => {
    const source = `require("node:https").get("${URL_}", (response) => response.pipe(process.stdout));`;
    expect(await run(source, { extension: "cjs" })).toMatchObject({
      code: 0,
      stdout: "0 bytes",
      asked: [`${HOST}:443`],
    });
  });
});

describe("the key log of oximy run", () => {
  const LABELS = [
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "EXPORTER_SECRET",
    "SERVER_TRAFFIC_SECRET_0",
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
  ].sort();
  let pipe: string;
  let end: number;

  beforeEach(() => {
    pipe = join(folder, "keys");
    execFileSync("mkfifo", [pipe]);
    end = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  });
  afterEach(() => {
    closeSync(end);
    rmSync(pipe, { force: true });
  });

  function written(): string {
    const buffer = Buffer.alloc(64 << 10);
    try {
      return buffer.toString("latin1", 0, readSync(end, buffer));
    } catch {
      return ""; // empty
    }
  }

  it.each([
    ["https", `import https from "node:https"; https.get("${URL_}", () => process.exit(0));`],
    ["fetch", `await fetch("${URL_}"); process.exit(0);`],
    [
      "http2",
      `import { connect } from "node:http2";
       connect("${URL_}").request().on("response", () => process.exit(0));`,
    ],
    [
      "tls.connect over a socket of its own",
      `import net from "node:net"; import tls from "node:tls";
       const socket = net.connect(PORT, "127.0.0.1");
       tls.connect({ socket, servername: "${HOST}" }, () => process.exit(0));`,
    ],
  ])("has the secrets of %s of a process that exits at once", async (_name, source) => {
    const { code, stderr } = await run(source.replace("PORT", String(portOf(server))), {
      env: { OXIMY_RUN_KEY_LOG: pipe },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = written().trim().split("\n");
    expect(lines.map((line) => line.split(" ")[0]).sort()).toEqual(LABELS);
  });

  it("makes nobody wait when it is full", async () => {
    try {
      for (;;) writeSync(end, "x".repeat(4096));
    } catch {
      // It is.
    }
    const { code, stdout, stderr } = await run(get("https"), { env: { OXIMY_RUN_KEY_LOG: pipe } });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "0 bytes", stderr: "" });
  });

  it("is written a moment later when it was full", async () => {
    try {
      for (;;) writeSync(end, "x".repeat(4096));
    } catch {
      // It is.
    }
    const asking = run(`${get("https")} setTimeout(() => {}, 1_000);`, {
      env: { OXIMY_RUN_KEY_LOG: pipe },
    });
    await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(1);
    let text = "";
    const secrets = () => {
      text += written();
      return text.split("\n").filter((line) => line.includes("_SECRET")).length;
    };
    await expect.poll(secrets, { timeout: 10_000 }).toBe(LABELS.length);
    expect((await asking).code).toBe(0);
  });

  it("is no file when the pipe is gone", async () => {
    const gone = join(folder, "gone");
    const { code, stdout, stderr } = await run(get("https"), { env: { OXIMY_RUN_KEY_LOG: gone } });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "0 bytes", stderr: "" });
    expect(existsSync(gone)).toBe(false);
  });
});
