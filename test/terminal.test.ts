import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { type RunningRow, runningLines } from "../src/cli/apps.js";
import { report } from "../src/cli/doctor.js";
import { reportError } from "../src/cli/report.js";
import { statsTable } from "../src/cli/stats.js";
import { ok, warning } from "../src/doctor/finding.js";
import { OximyError } from "../src/errors.js";
import type { OximyEvent } from "../src/event/event.js";
import { createLog } from "../src/log.js";
import type { KnownClient } from "../src/proxy/verdict/client.js";
import { PassedOver } from "../src/proxy/verdict/passed-over.js";
import { feedLine } from "../src/sinks/feed.js";
import { printable, printableJson, printableText } from "../src/terminal.js";
import { AppSummary } from "../src/traces/app-summary.js";

/** What a name can do to a terminal, and to who reads it. */
const HOSTILE: ReadonlyArray<readonly [name: string, text: string]> = [
  ["a line that looks like ours", "node\nwarn: all is well"],
  ["a line that is overwritten", "node\rgit"],
  ["a colour and a title", "\x1b[31mnode\x1b[0m\x1b]0;title\x07"],
  ["C1 controls", "\x9b31mnode\x9d0;title\x9c"],
  ["text turned around", "node\u202egnp.exe\u2066\u2069"],
  ["what nobody sees", "no\u200bde\u00ad\ufeff\u{e0041}"],
  ["other ends of a line", "node\u2028git\u2029\x85\x0b\x0c"],
  ["half a character", "node\ud83d"],
  ["a bell, a backspace, a delete", "node\x07\x08\x7f"],
];
const STEERS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

function client(text: string): KnownClient {
  return {
    owner: { kind: "unknown", reason: "timeout" },
    program: {
      key: text,
      name: text,
      trust: { kind: "distrusts", evidence: text },
      isWhole: true,
      trustInputs: "",
      advice: text,
    },
  };
}

function passedOverLine(text: string): string {
  const lines: string[] = [];
  new PassedOver((line) => lines.push(line)).add(client(text), text, "runtime_does_not_trust");
  return lines.join("\n");
}

function refusedLine(text: string): string {
  const lines: string[] = [];
  new PassedOver((line) => lines.push(line)).refused(client(text), text, text);
  return lines.join("\n");
}

const runningRow = (text: string): RunningRow => ({
  pid: 1,
  path: text,
  user: text,
  matched_by: "executable",
  capture: { how: "seen_only", why: text, advice: text },
});

const statsRow = (key: string) => ({
  keys: [key],
  events: 1,
  calls: 1,
  failed: 0,
  input_tokens: 1,
  cache_read_tokens: 0,
  cache_creation_tokens: 0,
  output_tokens: 1,
  cost_usd: 0,
  duration_p50_ms: 1,
  duration_p95_ms: 1,
  ttfb_p50_ms: null,
  ttfb_p95_ms: null,
});

const event = (text: string) =>
  ({
    timestamp: "2026-01-09T19:56:26.420Z",
    source: { type: "api", id: text, endpoint: null },
    timing: {},
    client: { name: text, pid: 1 },
    interaction: { model: text, request: {} },
    metadata: { error: text, reason: text },
  }) as unknown as OximyEvent;

/** What is written to standard error meanwhile. */
function stderrOf(work: () => void): string {
  let written = "";
  const spy = vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    written += String(chunk);
    return true;
  });
  try {
    work();
  } finally {
    spy.mockRestore();
  }
  return written.replace(/\n$/, "");
}

const failure = (text: string) => new OximyError("OXIMY_E_CONFIG", text, text);

/** What is printed of a name, and on how many lines. */
const PRINTS: Record<string, { readonly lines: number; readonly print: (text: string) => string }> = {
  "a program that is seen and not read": { lines: 1, print: passedOverLine },
  "a program that refused": { lines: 1, print: refusedLine },
  "what runs (apps)": { lines: 3, print: (text) => runningLines([runningRow(text)]).join("\n") },
  "findings (doctor)": {
    lines: 5,
    print: (text) => report([ok("host", text), warning("host", text, text)], true),
  },
  "counts (stats)": {
    lines: 4,
    print: (text) =>
      statsTable({ total: statsRow("total"), tables: [{ by: ["app"], rows: [statsRow(text)] }] }),
  },
  "the feed": { lines: 1, print: (text) => feedLine(event(text), { colour: "none" }) },
  "the feed in columns": { lines: 1, print: (text) => feedLine(event(text), { colour: "none", width: 200 }) },
  "what each app did": {
    lines: 1,
    print: (text) => {
      const summary = new AppSummary();
      summary.add(event(text));
      return summary.lines().join("\n");
    },
  },
};

describe("a name of somebody else's", () => {
  describe.each(HOSTILE)("with %s", (_, text) => {
    test.each(Object.keys(PRINTS))("steers nothing in %s", (place) => {
      const { lines, print } = PRINTS[place]!;
      const printed = print(text).split("\n");
      expect(printed.filter((line) => STEERS.test(line))).toEqual([]);
      expect(printed).toHaveLength(lines);
    });

    test("steers nothing in an error, nor in the log, and makes no line that looks like ours", () => {
      const log = createLog({ json: false, level: "debug" });
      const written = stderrOf(() => {
        reportError(failure(text), false);
        log.warn(text);
        log.info(text);
      });
      const lines = written.split("\n");
      expect(lines.filter((line) => STEERS.test(line))).toEqual([]);
      const own = lines.filter((line) => !line.startsWith("  "));
      expect(own).toHaveLength(3);
      expect(own.slice(0, 2).map((line) => line.split(":")[0])).toEqual(["oximy", "warn"]);
    });

    test("says the same as JSON and steers nothing", () => {
      const written = [printableJson({ text }), stderrOf(() => reportError(failure(text), true))];
      for (const json of written) expect(json).not.toMatch(STEERS);
      expect(JSON.parse(printableJson({ text }))).toEqual({ text });
    });
  });

  test.each([
    ["plain", "node", "node"],
    ["of other scripts", "Пример 例 مثال 🙂", "Пример 例 مثال 🙂"],
    ["empty", "", ""],
  ])("is printed as it is when it is %s", (_, text, expected) => {
    expect(printable(text)).toBe(expected);
    expect(printableText(text)).toBe(expected);
    expect(JSON.parse(printableJson(text))).toBe(expected);
  });
});

test("lines after the first are set in, as far as they are not", () => {
  expect(printableText("first\nsecond\n  third\n")).toBe("first\n  second\n  third\n");
});

test("nothing is printed but by the functions that know how", () => {
  const source = fileURLToPath(new URL("../src/", import.meta.url));
  const printers = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .filter((file) =>
      readFileSync(source + file, "utf8")
        .split("\n")
        .some(
          (line) => !/^\s*(\*|\/\/)/.test(line) && /console\.\w+\(|process\.std(out|err)\.write\(/.test(line),
        ),
    )
    .sort();
  expect(printers).toEqual([
    "cli/ca.ts", // a path and lines for a shell, which must be exact
    "cli/first-minute.ts", // a question, whose answer stands on its line
    "cli/print.ts", // what is printable already, no faster than it is read
    "engine/feed.ts",
    "terminal.ts",
  ]);
});
