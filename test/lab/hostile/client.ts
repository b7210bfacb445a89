/**
 * `client.ts SEED HOST…`: connections that keep to no protocol, eight at a time, until its input ends; then prints how
 * many there were. Some are broken off in the hello, some are no TLS at all.
 */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { Random } from "../../fuzz/mutations.js";
import { hostileBytes, type Protocol } from "./generator.js";

const [seed, ...hosts] = process.argv.slice(2);
const AT_ONCE = 8;
const CONNECTION_MS = 2_000;
const random = new Random(Number(seed));
let count = 0;
let ends = false;

function open(host: string, protocol: Protocol): ReturnType<typeof connectTcp> {
  if (random.below(10) === 0) return connectTcp(443, host);
  return connectTls({
    host,
    port: 443,
    servername: random.below(20) === 0 ? `${"a".repeat(60)}.${host}` : host,
    ALPNProtocols: [protocol],
    rejectUnauthorized: false,
  });
}

async function connection(): Promise<void> {
  const protocol = random.oneOf<Protocol>(["h2", "http/1.1"]);
  const socket = open(random.oneOf(hosts), protocol);
  const over = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {}).resume();
  const late = setTimeout(() => socket.destroy(), CONNECTION_MS);
  await Promise.race([
    once(socket, "encrypted" in socket ? "secureConnect" : "connect").catch(() => {}),
    over,
  ]);
  for (const piece of hostileBytes("request", protocol, random)) {
    if (socket.destroyed) break;
    socket.write(piece);
    if (random.below(5) === 0) await pause(random.below(20));
  }
  if (random.below(4) === 0) socket.destroy();
  else socket.end();
  await over;
  clearTimeout(late);
  count++;
}

process.stdin
  .on("end", () => {
    ends = true;
  })
  .resume();
console.log("begun");
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (!ends) await connection();
  }),
);
console.log(`made ${count}`);
