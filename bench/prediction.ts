/**
 * What it costs to say what program a process is and whether it trusts us: for new processes and for known ones, beside
 * a bare read of /proc/PID/environ in the same run.
 *
 *   npx tsx bench/prediction.ts [processes]     200 by default
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { openCa } from "../src/certificates/ca.js";
import { loadNative } from "../src/native/native.js";
import { ProgramReader } from "../src/trust/program-reader.js";

/** A proxy runs for days: what its first processes wait for V8's compiler is a row of its own. */
const WARM_ROUNDS = 20;
const count = Number(process.argv[2] ?? 200);
const folder = mkdtempSync(join(tmpdir(), "oximy-bench-"));
const ca = openCa(join(folder, "ca"));
const native = loadNative();

const quantile = (numbers: readonly number[], q: number) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(q * (numbers.length - 1))]!;

async function time(work: () => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1e6;
}

if (process.getuid?.() === 0) setPriority(-10);
const env = { ...process.env, NODE_EXTRA_CA_CERTS: ca.certificatePath, SSL_CERT_FILE: ca.certificatePath };
const children = Array.from({ length: count }, () => spawn("sleep", ["600"], { env, stdio: "ignore" }));
try {
  await new Promise((resolve) => setTimeout(resolve, 1000)); // until all have called exec
  const processes = children.map(({ pid }) => native.processInfo(pid!)!);
  const rows: Record<string, number[]> = {
    "environ alone": [],
    "new process": [],
    "new process, code still being compiled": [],
    "known process": [],
  };
  let reader!: ProgramReader;
  for (let round = 0; round <= WARM_ROUNDS; round++) {
    const isWarm = round > 0;
    if (isWarm) {
      for (const { pid } of processes)
        rows["environ alone"]!.push(await time(() => readFile(`/proc/${pid}/environ`)));
    }
    reader = new ProgramReader(ca);
    await reader.read(native.processInfo(process.pid)!);
    const row = rows[isWarm ? "new process" : "new process, code still being compiled"]!;
    for (const info of processes) row.push(await time(() => reader.read(info)));
  }
  for (let round = 0; round < 20; round++)
    for (const info of processes) rows["known process"]!.push(await time(() => reader.read(info)));
  const programs = await Promise.all(processes.map((info) => reader.read(info)));
  const unread = programs.filter(({ trust }) => trust.evidence.includes("cannot be read")).length;
  console.log(`${unread} of ${count} processes were not read in time`);
  const base = quantile(rows["environ alone"]!, 0.5);
  const goals: Record<string, number> = { "new process": 2, "known process": 0.02 };
  console.table(
    Object.fromEntries(
      Object.entries(rows).map(([what, times]) => {
        const p99 = quantile(times, 0.99);
        const goal = goals[what];
        return [
          what,
          {
            p50: quantile(times, 0.5).toFixed(4),
            p99: p99.toFixed(4),
            "of environ alone": (quantile(times, 0.5) / base).toFixed(2),
            goal: goal === undefined ? "" : `p99 < ${goal} ms: ${p99 < goal ? "met" : "missed"}`,
          },
        ];
      }),
    ),
  );
  console.log(`load: ${readFileSync("/proc/loadavg", "latin1").trim()} (milliseconds)`);
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
}
