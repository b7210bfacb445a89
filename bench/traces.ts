/**
 * How fast, and in how much memory, `oximy stats`, `events` and `show` read event files, beside `jq` doing the same sum:
 *
 *   npm run build && node --import tsx bench/traces.ts [megabytes, 2000 unless told] [rounds]
 *
 * Half of the events are in plain files, half in closed ones (Brotli), which `jq` is given unpacked by Node. Medians; the
 * peak of memory is what the kernel tells of the process (VmHWM), in the worst round.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { compressedName, tracesFileName } from "../src/sinks/traces-folder.js";

const megabytes = Number(process.argv[2] ?? 2_000);
const rounds = Number(process.argv[3] ?? 3);
const FILE_BYTES = 32 << 20;
const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

const home = mkdtempSync(join(tmpdir(), "oximy-bench-"));
const folder = join(home, "traces");
mkdirSync(folder);

/** The same words in another order each time: as hard to compress as prose. */
let seed = 1;
const random = (below: number) => {
  seed = (seed * 48_271) % 0x7fffffff;
  return seed % below;
};
const words = Array.from({ length: 5_000 }, () =>
  random(1e9)
    .toString(36)
    .slice(0, 3 + random(5)),
);
const prose = (length: number) => Array.from({ length: length / 6 }, () => words[random(5_000)]).join(" ");

function eventLine(number: number): string {
  const content = prose(2_000 + random(20_000));
  const usage = { input_tokens: 100 + random(9_000), output_tokens: random(2_000) };
  return `${JSON.stringify({
    event_id: `019ba454-e7b4-7600-9e5e-${number.toString(16).padStart(12, "0")}`,
    schema_version: 2,
    timestamp: new Date(Date.UTC(2026, 0, 9) + number).toISOString(),
    source: { type: "api", id: "openai", endpoint: null },
    trace_level: "full",
    timing: { duration_ms: 1_000, ttfb_ms: 300 },
    client: { pid: 1, name: "node" },
    app: { id: "codex", name: "Codex", vendor: "OpenAI", category: "ai-agent", matched_by: "executable" },
    conversation: { id: `c${number % 1_000}`, turn: 1 },
    interaction: {
      model: `gpt-${number % 7}`,
      provider: "openai",
      type: "chat",
      request: { messages: [{ role: "user", content }] },
      response: { content: prose(800), usage },
      cost_usd: 0.001,
      _raw: { request: { messages: [{ role: "user", content }] } },
    },
    metadata: { request_method: "POST", request_host: "api.openai.com", response_status: 200 },
  })}\n`;
}

let events = 0;
function lines(bytes: number): string {
  const found: string[] = [];
  for (let left = bytes; left > 0; ) {
    const line = eventLine(events++);
    found.push(line);
    left -= line.length;
  }
  return found.join("");
}

function writeFiles(): void {
  const [plain, closed] = ["2026-01-10", "2026-01-09"];
  const files = Math.max(1, Math.round((megabytes << 20) / 2 / FILE_BYTES));
  const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
  for (let at = 1; at <= files; at++) {
    writeFileSync(join(folder, compressedName(closed, at)), brotliCompressSync(lines(FILE_BYTES), fast));
    writeFileSync(join(folder, tracesFileName(plain, at)), lines(FILE_BYTES));
  }
}

interface Run {
  readonly seconds: number;
  readonly peakMb: number;
  readonly output: string;
}

/** VmHWM does not outlive the process: it is asked for while that runs. */
function peakOf({ pid }: ChildProcess): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1_024;
  } catch {
    return 0; // it has ended
  }
}

async function run(command: string, args: readonly string[]): Promise<Run> {
  const startedAt = performance.now();
  const child = spawn(command, args, {
    env: { ...process.env, OXIMY_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let [peakMb, output] = [0, ""];
  const timer = setInterval(() => {
    peakMb = Math.max(peakMb, peakOf(child));
  }, 20);
  // Of what is printed in full the start will do.
  child.stdout!.on("data", (chunk: Buffer) => {
    if (output.length < 10_000) output += chunk;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
  return { seconds: (performance.now() - startedAt) / 1_000, peakMb, output };
}

const SUM = `reduce inputs as $e ({}; .[$e.interaction.model].tokens += $e.interaction.response.usage.input_tokens
  | .[$e.interaction.model].cost += $e.interaction.cost_usd | .tokens += $e.interaction.response.usage.input_tokens)`;
const UNPACK = `for (const f of process.argv.slice(1)) process.stdout.write(zlib.brotliDecompressSync(fs.readFileSync(f)))`;
const JQ = `{ node -e '${UNPACK}' "$0"/*.br; cat "$0"/*.jsonl; } | jq -n '${SUM}'`;

const WAYS: ReadonlyArray<readonly [name: string, command: string, args: readonly string[]]> = [
  ["jq", "bash", ["-c", JQ, folder]],
  ["oximy stats", process.execPath, [MAIN, "stats", "--json"]],
  ["oximy events", process.execPath, [MAIN, "events"]],
  ["oximy show", process.execPath, [MAIN, "show", "c7"]],
];

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

try {
  writeFiles();
  const runs = new Map(WAYS.map(([name]) => [name, [] as Run[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, command, args] of WAYS) runs.get(name)!.push(await run(command, args));
  }
  const secondsOf = (name: string) => median(runs.get(name)!.map(({ seconds }) => seconds));
  const sums = [
    JSON.parse(runs.get("jq")![0]!.output).tokens,
    JSON.parse(runs.get("oximy stats")![0]!.output),
  ];
  if (sums[0] !== sums[1].total.input_tokens)
    throw new Error(`jq sums ${sums[0]}, oximy ${JSON.stringify(sums[1].total)}`);
  console.log(`${events} events, ${megabytes} MB\n\n| | s | of jq's time | MB at most |\n|---|---|---|---|`);
  for (const [name] of WAYS) {
    const seconds = secondsOf(name);
    // Of jq the shell's memory would be told.
    const peak = name === "jq" ? "" : Math.max(...runs.get(name)!.map(({ peakMb }) => peakMb)).toFixed(0);
    console.log(`| ${name} | ${seconds.toFixed(2)} | ${(seconds / secondsOf("jq")).toFixed(2)} | ${peak} |`);
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
