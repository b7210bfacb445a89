/**
 * What a connection costs that passes through the native front, or is read there: against `a.pipe(b); b.pipe(a)` in
 * Node, interleaved. The reader is a thread that takes the batches and looks at their operations only.
 *
 *   node --import tsx bench/passthrough.ts [rounds] [MiB per download] [connections, and requests / 10, per round]
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
const IDLE = 2000;

mkdirSync(path.dirname(load), { recursive: true });
execFileSync("g++", ["-O2", "-std=c++17", "-pthread", path.join(here, "passthrough-load.cc"), "-o", load]);

const server = spawn(load, ["serve"], { stdio: ["pipe", "pipe", "inherit"] });
const port = String((await once(server.stdout, "data"))[0]).trim();

interface Used {
  /** µs of all threads. */
  readonly cpu: number;
  readonly memory: number;
  readonly lostTaps: number;
}

async function startRelay(kind: "pipe" | "front" | "read") {
  const relay = fork(path.join(here, "passthrough-relay.ts"), [kind, port], {
    execArgv: ["--import", "tsx"],
  });
  const [at] = (await once(relay, "message")) as [number];
  const used = async () => {
    relay.send("used");
    return ((await once(relay, "message")) as [Used])[0];
  };
  /** Runs the load through the relay: what it printed, and the relay's CPU in µs. */
  const measure = async (...args: string[]): Promise<{ printed: number[]; cpu: number }> => {
    const before = await used();
    const { stdout } = await promisify(execFile)(load, [args[0]!, String(at), ...args.slice(1)]);
    return { printed: stdout.trim().split(" ").map(Number), cpu: (await used()).cpu - before.cpu };
  };
  /** KiB that each of many open and idle connections takes. */
  const idle = async () => {
    const before = await used();
    const clients = spawn(load, ["idle", String(at), String(IDLE)], { stdio: ["pipe", "pipe", "inherit"] });
    await once(clients.stdout, "data");
    const grown = (await used()).memory - before.memory;
    clients.stdin.end();
    await once(clients, "exit");
    return grown / 1024 / IDLE;
  };
  return { kind, used, measure, idle, stop: () => relay.disconnect() };
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const relays = [await startRelay("pipe"), await startRelay("front"), await startRelay("read")];
const results = relays.map(() => ({
  rate: [] as number[],
  cpuEach: [] as number[],
  p50: [] as number[],
  requestRate: [] as number[],
  cpuThousand: [] as number[],
  requestP50: [] as number[],
  cpuThousandAlone: [] as number[],
  bulk: [] as number[],
  cpuGiB: [] as number[],
  idleKiB: [] as number[],
  lostTaps: [] as number[],
}));
for (const { measure } of relays) {
  await measure("connect", "1000", String(CONCURRENCY)); // warm up
  await measure("requests", "20000", String(CONCURRENCY));
}
for (const [i, { idle }] of relays.entries()) results[i]!.idleKiB.push(await idle());
for (let round = 0; round < rounds; round++) {
  for (const [i, { measure }] of relays.entries()) {
    const result = results[i]!;
    const short = await measure("connect", String(connections), String(CONCURRENCY));
    result.rate.push(short.printed[0]!);
    result.p50.push(short.printed[1]!);
    result.cpuEach.push(short.cpu / connections);
    const requests = connections * 10;
    const kept = await measure("requests", String(requests), String(CONCURRENCY));
    result.requestRate.push(kept.printed[0]!);
    result.requestP50.push(kept.printed[1]!);
    result.cpuThousand.push(kept.cpu / 1e3 / requests);
    const alone = await measure("requests", String(requests / 5), "1");
    result.cpuThousandAlone.push(alone.cpu / 1e3 / (requests / 5));
    const bulk = await measure("receive", String(mebibytes * 2 ** 20));
    result.bulk.push(bulk.printed[0]!);
    result.cpuGiB.push(bulk.cpu / 1e6 / (mebibytes / 1024));
  }
}
for (const [i, { used, stop }] of relays.entries()) {
  results[i]!.lostTaps.push((await used()).lostTaps);
  stop();
}
server.stdin.end();

const [pipe, front, read] = results.map((numbers) =>
  Object.fromEntries(Object.entries(numbers).map(([name, values]) => [name, median(values)])),
) as unknown as [Record<string, number>, Record<string, number>, Record<string, number>];
console.table({ pipe, front, read });
const of = (relay: Record<string, number>, name: string) => (relay[name]! / pipe[name]!).toFixed(2);
console.log(`of ${rounds} rounds, medians; goals in brackets, for what passes through and what is read`);
console.log(
  `CPU per GiB:               ${of(front, "cpuGiB")} (0.4) and ${of(read, "cpuGiB")} of the pipe's`,
);
console.log(`connections per second:    ${of(front, "rate")} (1.7) and ${of(read, "rate")} times the pipe's`);
console.log(
  `CPU per connection:        ${of(front, "cpuEach")} (0.5) and ${of(read, "cpuEach")} of the pipe's`,
);
console.log(
  `CPU per keep-alive request: ${of(front, "cpuThousand")} and ${of(read, "cpuThousand")} (1) of the pipe's;` +
    ` one at a time ${of(front, "cpuThousandAlone")} and ${of(read, "cpuThousandAlone")}`,
);
