/**
 * Runs in a network namespace of its own (see front-process.test.ts): a server at addresses that are redirected
 * to a front whose JavaScript is busy, and to one that gives verdicts on others. Prints what the clients got.
 */
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { fileURLToPath } from "node:url";

const GID = 4242;
const VERDICT_MS = 1_000;
const ADDRESSES = ["203.0.113.7", "2001:db8:113::7"];

execFileSync("ip", ["link", "set", "lo", "up"]);
execFileSync("ip", ["addr", "add", `${ADDRESSES[0]}/32`, "dev", "lo"]);
execFileSync("ip", ["addr", "add", `${ADDRESSES[1]}/128`, "dev", "lo", "nodad"]);
const servers = ADDRESSES.map((address) =>
  net.createServer((socket) => socket.end(`hello from ${address}`)).listen(443, address),
);
await Promise.all(servers.map((server) => once(server, "listening")));

const loopback = ["127.0.0.1", "::1"].map((address) => ({ address, port: 0 }));
const front = fork(
  fileURLToPath(new URL("front-child.ts", import.meta.url)),
  [JSON.stringify({ gid: GID, listen: loopback, silenceMs: 1_000, verdictMs: VERDICT_MS })],
  { execArgv: ["--import", "tsx"] },
);
const [{ port }] = (await once(front, "message")) as [{ port: number }];
execFileSync("nft", ["-f", "-"], {
  input: `add table inet t
    add chain inet t c { type nat hook output priority -100; }
    add rule inet t c meta skgid ${GID} return
    add rule inet t c tcp dport 443 redirect to :${port}`,
});

const SPIN_MS = 3_000;
const messages: unknown[] = [];
front.on("message", (message) => messages.push(message));
front.send({ spinFor: SPIN_MS });
while (messages.length === 0) await once(front, "message");
const began = Date.now();
const answers = await Promise.all(ADDRESSES.map(answerOf));
const whileBusy = Date.now() - began < SPIN_MS;
while (messages.length < 5) await once(front, "message");
front.send("stats");
while (messages.length < 6) await once(front, "message");

front.send("rejectOthers");
const waitBegan = performance.now();
let isWaiting = true;
const waiting = answerOf(ADDRESSES[0]!).finally(() => {
  isWaiting = false;
});
for (let i = 0; isWaiting && i < 100_000; i++) await answerOf(ADDRESSES[1]!).catch(() => {});
await waiting;
const waited = (performance.now() - waitBegan) / VERDICT_MS;

console.log(JSON.stringify({ answers, whileBusy, messages: messages.slice(1, 6), waited }));
front.disconnect();
for (const server of servers) server.close();

async function answerOf(address: string): Promise<string> {
  const client = net.connect(443, address);
  // The loop below reports errors, but for those that come after the end.
  client.on("error", () => {});
  client.write("GET / HTTP/1.1\r\n\r\n");
  const chunks: Buffer[] = [];
  for await (const chunk of client) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
