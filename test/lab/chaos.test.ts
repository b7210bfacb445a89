import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { Random } from "../fuzz/mutations.js";
import { ChaosLab } from "./chaos/chaos-lab.js";
import { HAPPENINGS, type Happening } from "./chaos/happenings.js";
import { requireLab } from "./require-lab.js";

/** OXIMY_CHAOS_SEED=N does again what a run with that seed did; OXIMY_FULL=1 is the long form. */
const SEED = Number(process.env.OXIMY_CHAOS_SEED ?? 1);
const FULL = process.env.OXIMY_FULL === "1";
/** With each backend. */
const EVENTS = Number(process.env.OXIMY_CHAOS_EVENTS ?? (FULL ? 250 : 6));
/** Only these kinds, to look closer at one. */
const KINDS = new RegExp(process.env.OXIMY_CHAOS_KINDS ?? "");
const SPAN = { mostMs: FULL ? 10_000 : 1_500 };
/**
 * What is asked for is 1 s, and 6 s while a process is stopped: OXIMY_CHAOS_STRICT=1 has these limits, for a machine that
 * does nothing else. The others are those of one that is busy, and the report tells what it was. Whatever goes on is undone only after a connection worked, so that what does
 * not work while it does, fails with any limit.
 */
const WORKS_MS =
  process.env.OXIMY_CHAOS_STRICT === "1"
    ? { atOnce: 1_000, stalled: 6_000 }
    : { atOnce: 40_000, stalled: 60_000 };
/** A start, an end, or rules that are put back. */
const SETTLED_MS = 90_000;

const BACKENDS = ["nft", "iptables"] as const;

/** All kinds in an order of chance, again and again; one backend has the first of them, the other goes on. */
function order(random: Random, backend: number): Happening[] {
  const drawn: Happening[] = [];
  while (drawn.length < EVENTS * (backend + 1)) {
    const kinds = HAPPENINGS.filter(({ name }) => KINDS.test(name));
    while (kinds.length > 0) drawn.push(...kinds.splice(random.below(kinds.length), 1));
  }
  return drawn.slice(EVENTS * backend, EVENTS * (backend + 1));
}

describe.skipIf(requireLab())(`what happens to oximy local (OXIMY_CHAOS_SEED=${SEED})`, () => {
  let chaos: ChaosLab | undefined;
  afterEach(async () => {
    await chaos?.close();
    chaos = undefined;
  });

  /** It captures, or has ended and is started again; nothing in between lasts. */
  async function capturing(it: ChaosLab): Promise<void> {
    const until = performance.now() + SETTLED_MS;
    while (!(it.ours("proxy").length > 0 && !it.hasEnded && (await it.isRedirected()))) {
      if (it.hasEnded) {
        expect(await it.isRedirected()).toBe(false);
        await it.restart();
      }
      if (performance.now() > until)
        throw new Error(`neither captures nor ends: ${it.printed.slice(-2_000)}`);
      await pause(100);
    }
  }

  it.each(BACKENDS.map((backend, index) => ({ backend, index })))(
    `strands nobody: ${EVENTS} events while 50 clients call ($backend)`,
    { timeout: EVENTS * 90_000 + 240_000 },
    async ({ backend, index }) => {
      console.log(`OXIMY_CHAOS_SEED=${SEED}, ${backend}`);
      chaos = await ChaosLab.start(backend, SEED, 64 + 2 * EVENTS);
      const random = new Random(SEED + 1_000 * index);
      const took = new Map<"atOnce" | "stalled", number[]>([
        ["atOnce", []],
        ["stalled", []],
      ]);
      let events = 0;
      /** The last line of a run that was killed may be. */
      const torn: string[] = [];
      const one = async (chaos: ChaosLab, happening: Happening, label: string) => {
        await capturing(chaos);
        const begun = Date.now();
        const { detail, stalls, undo } = await happening.happen(chaos, random, SPAN);
        const kind = stalls ? "stalled" : "atOnce";
        const works = await within(chaos.worksSince(stalls ? begun : Date.now()), WORKS_MS[kind], label);
        took.get(kind)!.push(works);
        await undo?.();
        // Whatever that set free: it works now.
        if (undo) await within(chaos.worksSince(Date.now()), WORKS_MS.stalled, `${label}, undone`);
        console.log(`${label} (${detail}): works after ${works} ms`);
        expect(corruptOf(await chaos.tallies()), label).toEqual([]);
        const lines = chaos.newLines();
        events += lines.length;
        torn.push(...lines.filter(isTorn));
        expect(torn.length, `${label}\n${torn.at(-1)}`).toBeLessThan(chaos.starts);
      };
      for (const [number, happening] of order(new Random(SEED), index).entries()) {
        const label = `${number} ${backend} ${happening.name}`;
        try {
          await one(chaos, happening, label);
        } catch (error) {
          // Of hours of events: at once, and with what was printed.
          console.log(`${label}: ${(error as Error).stack}\n${chaos.printed.slice(-4_000)}`);
          throw error;
        }
      }
      await capturing(chaos);
      const tallies = await chaos.tallies();
      for (const { whole } of tallies) expect(whole).toBeGreaterThan(0);
      await chaos.endClients();
      const end = await chaos.oximy!.stop();
      expect(end.code).toBe(130);
      const nothing = { pids: [], sockets: "", files: [], rules: [] };
      await expect.poll(() => chaos!.left(), { timeout: SETTLED_MS, interval: 500 }).toEqual(nothing);
      expect(chaos.printed).not.toMatch(/uncaught|OXIMY_E_INTERNAL/i);
      report(backend, took, {
        tallies,
        starts: chaos.starts,
        events,
        torn: torn.length,
      });
    },
  );
});

function corruptOf(tallies: readonly { corrupt: readonly string[] }[]): string[] {
  return tallies.flatMap(({ corrupt }) => corrupt);
}

/** Where a line was cut off by a kill, the next run begins a line of its own. */
function isTorn(line: string): boolean {
  if (line === "") return false;
  try {
    return typeof JSON.parse(line) !== "object";
  } catch {
    return true;
  }
}

async function within(works: Promise<number>, ms: number, what: string): Promise<number> {
  const late = pause(ms + 1_000, "late" as const);
  const taken = await Promise.race([works, late]);
  if (taken === "late" || taken > ms) {
    console.log(`no new connection works within ${ms} ms: ${what}`);
    throw new Error(`no new connection works within ${ms} ms: ${what}`);
  }
  return taken;
}

function report(backend: string, took: ReadonlyMap<string, readonly number[]>, rest: object): void {
  const figures = [...took].map(([kind, values]) => {
    const sorted = [...values].sort((a, b) => a - b);
    return [kind, { n: sorted.length, median: sorted[sorted.length >> 1], most: sorted.at(-1) }];
  });
  console.log(backend, JSON.stringify({ ...Object.fromEntries(figures), ...rest }));
}
