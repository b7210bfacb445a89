/**
 * What "whose socket is this?" costs: the kernel's record (BPF) and sock_diag, a remembered process, a cold walk of
 * /proc, and beside them in the same run a plain walk in JavaScript and `lsof -i`.
 *
 *   npx tsx bench/attribution.ts [processes …]     100 and 2000 by default, 25 descriptors each; root for all rows
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { setPriority } from "node:os";
import { promisify } from "node:util";
import { type FinderHints, loadNative, type SocketOwner } from "../src/native/native.js";
import { listenOn, NOBODY, startClient } from "../test/native/clients.js";

const DESCRIPTORS = 25;
/** One process in twenty belongs to the client's user: what a helpful uid leaves to look at. */
const OF_CLIENTS_USER = 20;
const isRoot = process.getuid?.() === 0;
const native = loadNative();

interface Row {
  readonly what: string;
  readonly p50: number;
  readonly p99: number;
  readonly goal?: { readonly text: string; readonly met: boolean };
}

function quantile(numbers: readonly number[], q: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(q * (sorted.length - 1))]!;
}

/** Milliseconds per call: the medians of the rounds' p50 and p99, so that one busy moment of the machine is no result. */
async function measure(
  rounds: number,
  calls: number,
  call: () => unknown,
): Promise<{ p50: number; p99: number }> {
  const p50: number[] = [];
  const p99: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const times: number[] = [];
    for (let i = 0; i < calls; i++) {
      const started = process.hrtime.bigint();
      const result = call();
      if (result instanceof Promise) await result;
      times.push(Number(process.hrtime.bigint() - started) / 1e6);
    }
    p50.push(quantile(times, 0.5));
    p99.push(quantile(times, 0.99));
  }
  return { p50: quantile(p50, 0.5), p99: quantile(p99, 0.5) };
}

function startCrowd(size: number): { stop(): Promise<void> } {
  const stdio = Array.from({ length: DESCRIPTORS }, () => "ignore" as const);
  const crowd = Array.from({ length: size }, (_, i) =>
    spawn("sleep", ["3600"], {
      stdio,
      ...(isRoot && i % OF_CLIENTS_USER === 0 && { uid: NOBODY, gid: NOBODY }),
    }),
  );
  return {
    async stop() {
      const ended = crowd.map((child) => once(child, "exit"));
      for (const child of crowd) child.kill("SIGKILL");
      await Promise.all(ended);
    },
  };
}

/** What lsof does, in JavaScript: every descriptor of every process. */
function plainWalk(inode: number): number | undefined {
  const wanted = `socket:[${inode}]`;
  let holder: number | undefined;
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
        if (fs.readlinkSync(`/proc/${pid}/fd/${fd}`) === wanted) holder = Number(pid);
      }
    } catch {
      // ended meanwhile, or not ours to look at
    }
  }
  return holder;
}

async function bench(processes: number): Promise<Row[]> {
  await using acceptor = await listenOn("127.0.0.1");
  const recorder = native.attachConnectRecorder([acceptor.port]);
  // The client is older than the crowd: for a walk from the newest process on, it comes last.
  await using client = startClient("127.0.0.1", acceptor.port, isRoot ? { uid: NOBODY, gid: NOBODY } : {});
  const { tuple } = await acceptor.accepted();
  const crowd = startCrowd(processes);
  try {
    const owner = native.socketOwner(tuple)!;
    const hints: FinderHints = { candidates: [], uid: null, cgroupId: null };
    const find = async (inode: SocketOwner["inode"], more: Partial<FinderHints>) => {
      const pid = await native.findProcess(inode, { ...hints, ...more }, 10_000);
      if (pid !== client.pid) throw new Error(`found ${pid} instead of ${client.pid}`);
    };
    const rows: Row[] = [];
    const add = (what: string, times: { p50: number; p99: number }, goal?: Row["goal"]) =>
      rows.push({ what, ...times, ...(goal && { goal }) });

    const lsof = await measure(1, 5, () =>
      promisify(execFile)("lsof", ["-nP", "-i", `TCP:${acceptor.port}`]),
    );
    let comparison: Row["goal"];
    if (recorder === null) {
      const times = await measure(21, 1000, () =>
        native.connectRecord(tuple, native.socketOwner(tuple)!.cookie),
      );
      add("record by BPF, with sock_diag", times, { text: "p99 < 0.02 ms", met: times.p99 < 0.02 });
      const ratio = Math.round(lsof.p50 / times.p50);
      comparison = { text: `${ratio} times BPF (goal: 1000)`, met: ratio >= 1000 };
    } else {
      console.log(`no record by BPF: ${recorder}`);
    }
    add("sock_diag alone (inode, user, cookie)", await measure(21, 1000, () => native.socketOwner(tuple)));
    const remembered = await measure(21, 200, () => find(owner.inode, { candidates: [client.pid] }));
    add("remembered process", remembered, { text: "p99 < 0.3 ms", met: remembered.p99 < 0.3 });
    const byUser = await measure(5, 20, () => find(owner.inode, { uid: owner.uid }));
    add("cold walk, user known", byUser, { text: "p50 < 25 ms", met: byUser.p50 < 25 });
    add("cold walk, nothing known", await measure(1, 20, () => find(owner.inode, {})));
    add("plain walk in JavaScript", await measure(1, 5, () => plainWalk(owner.inode)));
    add("lsof -i", lsof, comparison);
    return rows;
  } finally {
    native.detachConnectRecorder();
    await crowd.stop();
  }
}

// As `oximy local` does: what else runs on this machine is not measured.
if (isRoot) setPriority(-10);
const sizes = process.argv.slice(2).map(Number);
for (const size of sizes.length > 0 ? sizes : [100, 2000]) {
  const rows = await bench(size);
  console.log(`\n${size} more processes, ${size * DESCRIPTORS} more descriptors (milliseconds)`);
  console.table(
    Object.fromEntries(
      rows.map(({ what, p50, p99, goal }) => [
        what,
        {
          p50: p50.toFixed(4),
          p99: p99.toFixed(4),
          goal: goal ? `${goal.text}: ${goal.met ? "met" : "missed"}` : "",
        },
      ]),
    ),
  );
}
