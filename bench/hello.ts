/**
 * What a client hello costs to read, and its shape to make, beside a parse of as much JSON in the same run:
 *
 *   node --import tsx bench/hello.ts [runs]
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { connect } from "node:tls";
import { fingerprintOf } from "../src/proxy/upstream/fingerprint.js";
import { readClientHello } from "../src/proxy/verdict/client-hello.js";

const runs = Number(process.argv[2] ?? 20_000);

/** The hello of this Node. */
async function captureHello(): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connect({
    port,
    host: "127.0.0.1",
    servername: "api.example.com",
    ALPNProtocols: ["h2", "http/1.1"],
  });
  client.on("error", () => {}); // it gets no answer
  const [socket] = (await once(server, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  server.close();
  return hello;
}

const bytes = await captureHello();
const read = readClientHello(bytes);
if (read.kind !== "hello") throw new Error(`the hello was not read: ${read.kind}`);
const json = JSON.stringify({ hello: "x".repeat(bytes.length - 12) });

function microseconds(work: () => unknown): number {
  for (let run = 0; run < runs / 10; run++) work();
  const started = performance.now();
  for (let run = 0; run < runs; run++) work();
  return ((performance.now() - started) / runs) * 1000;
}

const rows: readonly (readonly [string, () => unknown])[] = [
  [`JSON.parse of ${bytes.length} bytes`, () => JSON.parse(json)],
  ["reading the hello", () => readClientHello(bytes)],
  ["its shape", () => fingerprintOf(read.hello)],
];
for (const [name, work] of rows) console.log(name.padEnd(28), `${microseconds(work).toFixed(1)} µs`);
