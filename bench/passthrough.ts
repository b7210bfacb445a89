/**
 * What a passed-through connection costs: the native front against `a.pipe(b); b.pipe(a)` in Node, interleaved.
 *
 *   node --import tsx bench/passthrough.ts [rounds] [MiB per download] [connections per round]
 */
import { execFile, execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = path.dirname(fileURLToPath(import.meta.url));
const load = path.join(here, "..", "build", "bench", "passthrough-load");
const [rounds = 5, mebibytes = 1024, connections = 5000] = process.argv.slice(2).map(Number);
const CONCURRENCY = 16;

mkdirSync(path.dirname(load), { recursive: true });
execFileSync("g++", ["-O2", "-std=c++17", "-pthread", path.join(here, "passthrough-load.cc"), "-o", load]);

const server = spawn(load, ["serve"], { stdio: ["pipe", "pipe", "inherit"] });
const port = String((await once(server.stdout, "data"))[0]).trim();

async function startRelay(kind: "front" | "pipe") {
  const relay = fork(path.join(here, "passthrough-relay.ts"), [kind, port], {
    execArgv: ["--import", "tsx"],
  });
  const [at] = (await once(relay, "message")) as [number];
  const cpu = async () => {
    relay.send("cpu");
    return ((await once(relay, "message")) as [number])[0];
  };
  /** Runs the load through the relay: what it printed, and the relay's CPU in µs. */
  const measure = async (...args: string[]): Promise<{ printed: number[]; cpu: number }> => {
    const before = await cpu();
    const { stdout } = await promisify(execFile)(load, [args[0]!, String(at), ...args.slice(1)]);
    return { printed: stdout.trim().split(" ").map(Number), cpu: (await cpu()) - before };
  };
  return { kind, measure, stop: () => relay.disconnect() };
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const relays = [await startRelay("pipe"), await startRelay("front")];
const results = relays.map(({ kind }) => ({
  kind,
  rate: [] as number[],
  cpuEach: [] as number[],
  p50: [] as number[],
  bulk: [] as number[],
  cpuGiB: [] as number[],
}));
for (const { measure } of relays) await measure("connect", "1000", String(CONCURRENCY)); // warm up
for (let round = 0; round < rounds; round++) {
  for (const [i, { measure }] of relays.entries()) {
    const result = results[i]!;
    const short = await measure("connect", String(connections), String(CONCURRENCY));
    result.rate.push(short.printed[0]!);
    result.p50.push(short.printed[1]!);
    result.cpuEach.push(short.cpu / connections);
    const bulk = await measure("receive", String(mebibytes * 2 ** 20));
    result.bulk.push(bulk.printed[0]!);
    result.cpuGiB.push(bulk.cpu / 1e6 / (mebibytes / 1024));
  }
}
for (const { stop } of relays) stop();
server.stdin.end();

const [pipe, front] = results.map(({ kind, ...numbers }) => ({
  kind,
  ...Object.fromEntries(Object.entries(numbers).map(([name, values]) => [name, median(values)])),
})) as unknown as [Record<string, number>, Record<string, number>];
console.table({ pipe, front });
console.log(`of ${rounds} rounds, medians; goals in brackets`);
console.log(`CPU per GiB:            ${(front.cpuGiB! / pipe.cpuGiB!).toFixed(2)} of the pipe's (0.4)`);
console.log(`connections per second: ${(front.rate! / pipe.rate!).toFixed(2)} times the pipe's (1.7)`);
console.log(`CPU per connection:     ${(front.cpuEach! / pipe.cpuEach!).toFixed(2)} of the pipe's (0.5)`);
