/** What can happen to Oximy and to its machine. Each says how, and undoes what it did to the machine itself. */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { keepPrinted, MAIN } from "../../built-oximy.js";
import type { Random } from "../../fuzz/mutations.js";
import { sudoEnvironment } from "../oximy.js";
import { ChaosLab, expectDone } from "./chaos-lab.js";
import { type Role, signal, threadsOf } from "./ours.js";

/** How long what holds something up goes on, at least: in a long run up to 10 s. */
export interface Span {
  readonly mostMs: number;
}

export interface Happening {
  readonly name: string;
  /** What is left of it while connections are tried, and must be undone; nothing where it is over at once. */
  happen(chaos: ChaosLab, random: Random, span: Span): Promise<Happened>;
}

export interface Happened {
  /** With which process, for the report. */
  readonly detail: string;
  /** Whether a process of ours does not run: connections may take as long as it takes to notice that. */
  readonly stalls: boolean;
  /** Ends what goes on. Called once connections work. */
  undo?(): Promise<unknown>;
}

const OVER = (detail: string): Happened => ({ detail, stalls: false });

/** One of our processes that has this role; undefined when there is none now. */
function one(chaos: ChaosLab, random: Random, role: Role): number | undefined {
  const pids = chaos.ours(role);
  return pids.length === 0 ? undefined : random.oneOf(pids);
}

const sh = async (chaos: ChaosLab, script: string): Promise<void> =>
  expectDone(await chaos.lab.machine.exec("sh", ["-ec", script]));

function killed(role: Role): Happening {
  return {
    name: `kill -9 ${role}`,
    async happen(chaos, random) {
      const pid = one(chaos, random, role);
      if (pid !== undefined) signal(pid, "SIGKILL");
      return OVER(pid === undefined ? "none there" : "killed");
    },
  };
}

function stopped(role: Role): Happening {
  return {
    name: `SIGSTOP ${role}`,
    async happen(chaos, random, { mostMs }) {
      const pid = one(chaos, random, role);
      if (pid === undefined) return OVER("none there");
      const until = performance.now() + random.below(mostMs);
      signal(pid, "SIGSTOP");
      const undo = async () => {
        await pause(Math.max(0, until - performance.now()));
        signal(pid, "SIGCONT");
      };
      return { detail: "stopped", stalls: true, undo };
    },
  };
}

/** A limit of a running process, put back afterwards if that lives. */
function limited(
  role: Role,
  resource: "as" | "nofile",
  now: (pid: number) => number,
  more: (random: Random) => number,
): Happening {
  return {
    name: `${resource === "as" ? "memory" : "descriptors"} of ${role}`,
    async happen(chaos, random, { mostMs }) {
      const pid = one(chaos, random, role);
      if (pid === undefined) return OVER("none there");
      const limit = (values: string) => {
        try {
          execFileSync("prlimit", ["--pid", String(pid), `--${resource}=${values}`], { stdio: "ignore" });
        } catch {
          // It has ended.
        }
      };
      const [, soft, hard] =
        new RegExp(`^${LIMIT_NAMES[resource]} +(\\w+) +(\\w+)`, "m").exec(limitsOf(pid)) ?? [];
      const room = more(random);
      limit(`${now(pid) + room}:${hard}`);
      const undo = async () => {
        await pause(random.below(mostMs));
        limit(`${soft}:${hard}`);
      };
      return { detail: `${room} more`, stalls: true, undo };
    },
  };
}

const LIMIT_NAMES = { as: "Max address space", nofile: "Max open files" } as const;
const limitsOf = (pid: number) => execFileSync("cat", [`/proc/${pid}/limits`], { encoding: "utf8" });
const addressSpace = (pid: number) =>
  1024 *
  Number(/^VmSize:\s+(\d+)/m.exec(execFileSync("cat", [`/proc/${pid}/status`], { encoding: "utf8" }))![1]);
const descriptors = (pid: number) =>
  Math.max(
    ...execFileSync("ls", [`/proc/${pid}/fd`], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map(Number),
  );

/** How long a program that was never seen may take to be searched. */
const PROVOKED_MS = 5_000;

/** A search takes a moment: a program that was never seen brings one about. */
function searchHit(name: "SIGKILL" | "SIGSTOP"): Happening {
  return {
    name: `${name === "SIGKILL" ? "kill -9" : name} search`,
    async happen(chaos, random, { mostMs }) {
      if (!chaos.reads) {
        await chaos.oximy?.stop();
        await chaos.restart();
      }
      const program = chaos.newProgram();
      const until = performance.now() + PROVOKED_MS;
      let pid: number | undefined;
      while (pid === undefined && !program.hasEnded() && performance.now() < until) {
        await pause(1);
        pid = one(chaos, random, "search");
      }
      if (pid !== undefined) signal(pid, name);
      const undo = async () => {
        if (pid !== undefined && name === "SIGSTOP") {
          await pause(random.below(mostMs));
          signal(pid, "SIGCONT");
        }
        await program.end();
      };
      // The first call of the program waits for the search, and nobody else does.
      return { detail: pid === undefined ? "none there" : "hit", stalls: false, undo };
    },
  };
}

const diskFull: Happening = {
  name: "disk full",
  async happen(chaos, random, { mostMs }) {
    const file = join(chaos.home, "filling");
    await chaos.lab.machine.exec("sh", ["-c", `cat /dev/zero >${file} 2>/dev/null; true`]);
    const undo = async () => {
      await pause(random.below(mostMs));
      await sh(chaos, `rm ${file}`);
    };
    return { detail: "filled", stalls: false, undo };
  },
};

const readOnly: Happening = {
  name: "read-only home",
  async happen(chaos, random, { mostMs }) {
    const { home } = chaos;
    await sh(chaos, `mount --bind ${home} ${home} && mount -o remount,bind,ro ${home}`);
    const undo = async () => {
      await pause(random.below(mostMs));
      await sh(chaos, `umount -l ${home}`);
    };
    return { detail: "laid over", stalls: false, undo };
  },
};

const FLUSHES = [
  "nft flush ruleset",
  "iptables -t nat -F; ip6tables -t nat -F",
  "iptables -F; iptables -t mangle -F; ip6tables -F; ip6tables -t mangle -F",
  "iptables -t nat -F; iptables -t nat -X 2>/dev/null || true",
];

const rulesFlushed: Happening = {
  name: "rules flushed",
  async happen(chaos, random) {
    const script = random.oneOf(FLUSHES);
    await sh(chaos, script);
    return OVER(script);
  },
};

/** The addresses and routes of IPv6 go with the link. */
const ADDRESSES = `
  ip addr replace 203.0.113.1/24 dev eth0
  ip addr replace 2001:db8:113::1/64 dev eth0 nodad`;
const ROUTES = `
  ip route replace default via 203.0.113.2
  ip -6 route replace default via 2001:db8:113::2`;

const linkDown: Happening = {
  name: "interface down and up",
  async happen(chaos, random, { mostMs }) {
    await sh(chaos, "ip link set eth0 down");
    const downFor = random.below(Math.min(mostMs, 2_000));
    await pause(downFor);
    await sh(chaos, `ip link set eth0 up\n${ADDRESSES}\n${ROUTES}`);
    return OVER(`for ${downFor} ms`);
  },
};

const addressChanged: Happening = {
  name: "address changed",
  async happen(chaos, random, { mostMs }) {
    const last = 100 + random.below(100);
    await sh(
      chaos,
      `ip addr flush dev eth0 scope global
       ip addr add 203.0.113.${last}/24 dev eth0
       ip addr add 2001:db8:113::${last}/64 dev eth0 nodad
       ${ROUTES}`,
    );
    const undo = async () => {
      await pause(random.below(mostMs));
      await sh(chaos, `ip addr flush dev eth0 scope global\n${ADDRESSES}\n${ROUTES}`);
    };
    return { detail: `to .${last}`, stalls: false, undo };
  },
};

const secondStart: Happening = {
  name: "second start",
  async happen(chaos) {
    const second = chaos.lab.machine.spawn("node", [MAIN, "local", "--json", "--no-read"], {
      env: sudoEnvironment(chaos.home),
    });
    keepPrinted(second.child);
    const { code, stderr } = await second.exited;
    if (chaos.hasEnded) return OVER("the first had ended");
    if (code !== 1 || !stderr.includes("OXIMY_E_REDIRECT"))
      throw new Error(`a second start ended with ${code}: ${stderr}`);
    return OVER("refused");
  },
};

const clockJump: Happening = {
  name: "clock jumps by an hour",
  async happen(chaos, random) {
    if (!ChaosLab.libfaketime) return OVER("no libfaketime");
    await chaos.oximy?.stop();
    await chaos.restart("own");
    const seconds = random.oneOf([3_600, -3_600]);
    chaos.setClock(seconds);
    // libfaketime looks into its file once a second.
    await pause(1_500);
    return OVER(`${seconds} s`);
  },
};

const HOLD_THREAD = fileURLToPath(new URL("hold-thread.py", import.meta.url));

const threadHeld: Happening = {
  name: "a thread of the proxy hangs",
  async happen(chaos, random, { mostMs }) {
    const pid = one(chaos, random, "proxy");
    if (pid === undefined) return OVER("none there");
    const thread = captureThreadOf(pid);
    const holding = chaos.lab.machine.spawn("python3", [HOLD_THREAD, String(pid), String(thread)]);
    const held = holding.printed(/held/).then(
      () => true,
      () => false,
    );
    if (!(await held)) return OVER("it ended first");
    const until = performance.now() + random.below(mostMs * 2);
    const undo = async () => {
      await pause(Math.max(0, until - performance.now()));
      await holding.stop();
    };
    return { detail: "the capture thread", stalls: false, undo };
  },
};

/** Node makes its threads in a fixed order, and names none: the capture thread is the last of those that have no name. */
export function captureThreadOf(pid: number): number {
  const named = (tid: number) =>
    execFileSync("cat", [`/proc/${pid}/task/${tid}/comm`], { encoding: "utf8" }).trim();
  return threadsOf(pid)
    .filter((tid) => named(tid) === "node")
    .at(-1)!;
}

const MIB = 1 << 20;
const someMemory = (random: Random) => random.below(24) * MIB;
const someDescriptors = (random: Random) => 1 + random.below(30);

export const HAPPENINGS: readonly Happening[] = [
  killed("supervisor"),
  killed("proxy"),
  killed("signer"),
  killed("redirect"),
  searchHit("SIGKILL"),
  stopped("supervisor"),
  stopped("proxy"),
  stopped("signer"),
  stopped("redirect"),
  searchHit("SIGSTOP"),
  limited("supervisor", "as", addressSpace, someMemory),
  limited("proxy", "as", addressSpace, someMemory),
  limited("signer", "as", addressSpace, someMemory),
  limited("supervisor", "nofile", descriptors, someDescriptors),
  limited("proxy", "nofile", descriptors, someDescriptors),
  diskFull,
  readOnly,
  rulesFlushed,
  linkDown,
  addressChanged,
  secondStart,
  clockJump,
  threadHeld,
];
