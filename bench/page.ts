/**
 * How fast the page of `oximy ui` shows, filters and searches, and in how much memory, in a headless Chromium:
 *
 *   npm run build && node --import tsx bench/page.ts [events ... : 0 10 100000 unless told]
 *
 * Events have 10 KB each, so that 100,000 are a gigabyte. Times are of the tab's own clock.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mibOf } from "../test/lab/memory.js";
import { sampleEvent } from "../test/sinks/sample-event.js";
import { Chromium } from "../test/ui/chromium.js";

const MAIN = new URL("../dist/cli/main.js", import.meta.url).pathname;
const SIZES = process.argv.slice(2).map(Number);
const FILLING = "the quick brown fox jumps over the lazy dog; ".repeat(215);

function writeEvents(folder: string, count: number): void {
  const file = openSync(join(folder, "traces_2026-01-09.jsonl"), "w");
  for (let number = 0; number < count; number++) {
    const needle = number % 1_000 === 500 ? " needle" : "";
    const event = sampleEvent({
      event_id: `019ba454-e7b4-7600-9e5e-${number.toString(16).padStart(12, "0")}`,
      timestamp: new Date(Date.UTC(2026, 0, 9) + number * 800).toISOString(),
      app: { id: `app-${number % 12}`, name: `App ${number % 12}`, matched_by: "executable" },
      conversation: { id: `c${number >> 3}`, turn: (number & 7) + 1 },
    });
    event.interaction = {
      ...event.interaction!,
      model: `gpt-${number % 7}`,
      request: { messages: [{ role: "user", content: `${number} ${FILLING}${needle}` }] },
    };
    event.metadata = { ...event.metadata, response_status: number % 50 === 0 ? 429 : 200 };
    writeSync(file, `${JSON.stringify(event)}\n`);
  }
  closeSync(file);
}

async function addressOf(server: ChildProcess): Promise<string> {
  let printed = "";
  for await (const chunk of server.stdout!) {
    printed += chunk;
    const [, address] = /(http:\S+)\n/.exec(printed) ?? [];
    if (address !== undefined) return address;
  }
  throw new Error(`oximy ui has ended: ${printed}`);
}

/** Milliseconds from an action until each of the conditions held in turn, all expressions of the page. */
async function timed(
  chromium: Chromium,
  action: string,
  ...conditions: readonly string[]
): Promise<number[]> {
  await chromium.evaluate(`window.begun = performance.now(); ${action}`);
  const taken: number[] = [];
  for (const condition of conditions) {
    await chromium.until(condition);
    taken.push(await chromium.evaluate<number>("performance.now() - window.begun"));
  }
  return taken;
}

const choose = (label: string, value: string) => `(() => {
  const list = document.querySelector('select[aria-label="${label}"]');
  list.value = "${value}";
  list.dispatchEvent(new Event("change", { bubbles: true }));
})()`;
const type = (text: string) => `(() => {
  const box = document.querySelector("#search");
  box.value = "${text}";
  box.dispatchEvent(new Event("input", { bubbles: true }));
})()`;
const HAS_ROWS = `document.querySelector(".item") !== null`;
const MATCHES = `document.querySelector(".matches").textContent`;

async function measure(count: number): Promise<Record<string, string>> {
  const home = mkdtempSync(join(tmpdir(), "oximy-bench-"));
  const folder = join(home, "traces");
  mkdirSync(folder);
  writeEvents(folder, count);
  const env = { ...process.env, HOME: home };
  const server = spawn(process.execPath, [MAIN, "ui", "--no-open", "--output-dir", folder], {
    env,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const chromium = await Chromium.start();
  try {
    const address = await addressOf(server);
    await chromium.show({ width: 1_280, scheme: "light" });
    await chromium.open(address);
    await chromium.until(`performance.getEntriesByName("first-contentful-paint").length > 0`);
    const paint = await chromium.evaluate<number>(
      `performance.getEntriesByName("first-contentful-paint")[0].startTime`,
    );
    if (count > 0) await chromium.until(HAS_ROWS);
    const listed = await chromium.evaluate<number>("performance.now()");
    const events = `${count.toLocaleString("en")} event`;
    await chromium.until(`document.body.innerText.includes("${events}")`);
    const whole = await chromium.evaluate<number>("performance.now()");
    const before = await chromium.evaluate<string>(MATCHES);
    const row: Record<string, string> = {
      events: String(count),
      "first paint": ms(paint),
      "first rows": ms(listed),
      "all rows": ms(whole),
    };
    if (count > 50) {
      const [filter] = await timed(chromium, choose("status", "4xx"), `${MATCHES} !== "${before}"`);
      row.filter = ms(filter!);
      await timed(chromium, choose("status", ""), `${MATCHES} === "${before}"`);
      const isOver = `!/searching/.test(${MATCHES})`;
      const searched = await timed(chromium, type("needle"), `${MATCHES} !== "${before}"`, HAS_ROWS, isOver);
      for (const [index, what] of ["in view", "first match", "whole"].entries())
        row[`search, ${what}`] = ms(searched[index]!);
      row.matches = await chromium.evaluate<string>(MATCHES);
    }
    const heap = await chromium.evaluate<number>("performance.memory.usedJSHeapSize");
    row["heap of the tab"] = `${(heap / 1e6).toFixed(0)} MB`;
    row["server, peak"] = `${mibOf(server.pid!, "VmHWM")} MiB`;
    return row;
  } finally {
    await chromium.close();
    const gone = once(server, "exit");
    server.kill("SIGTERM");
    await gone;
    rmSync(home, { recursive: true, force: true });
  }
}

const ms = (value: number) => `${Math.round(value)} ms`;

for (const count of SIZES.length > 0 ? SIZES : [0, 10, 100_000]) console.log(await measure(count));
