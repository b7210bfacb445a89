import { afterEach, expect, test, vi } from "vitest";
import { Feed, type FeedOptions } from "../../src/engine/feed.js";
import { CLEAR_LINE } from "../../src/terminal.js";
import { sampleEvent } from "../sinks/sample-event.js";

afterEach(() => vi.restoreAllMocks());

/** What a feed prints of one event and at its end, at a terminal or elsewhere. */
function printed(options: FeedOptions, terminal: { columns?: number; noColor?: string } = {}) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      written[name] += String(chunk);
      return true;
    });
  }
  const { columns, noColor } = terminal;
  const before = { isTTY: process.stdout.isTTY, columns: process.stdout.columns };
  Object.assign(process.stdout, { isTTY: columns !== undefined, columns });
  vi.stubEnv("NO_COLOR", noColor ?? "");
  try {
    const feed = new Feed(options);
    feed.print(sampleEvent());
    feed.printSummary();
  } finally {
    Object.assign(process.stdout, before);
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  }
  return written;
}

test("elsewhere than at a terminal there are no colours, and nothing is cut", () => {
  const { stdout, stderr } = printed({ json: false });
  expect(stdout).toMatch(
    /^\d\d:\d\d:\d\d {2}node \(4711\) .* 5 in 3 out {2}1234 ms {2}200 {2}~\$0\.00033\n$/,
  );
  expect(stderr).toBe("  node  1 event, 5 tokens in, 3 out, ~$0.00033\n");
});

test("at a terminal a line fits, in colours, or without when they are not wanted", () => {
  expect(printed({ json: false }, { columns: 60 }).stdout).toContain("\x1b[");
  const plain = printed({ json: false }, { columns: 60, noColor: "1" }).stdout;
  const [line = "", ...more] = plain.split("\n");
  expect(line.replace(CLEAR_LINE, "")).not.toContain("\x1b");
  expect(line.length).toBeLessThanOrEqual(60 + CLEAR_LINE.length);
  expect(more).toEqual([`1 read${CLEAR_LINE}`]);
});

test("with content, what was said stands below", () => {
  const { stdout } = printed({ json: false, showContent: true });
  expect(stdout.split("\n").slice(1)).toEqual([
    "  user:",
    "    Hello",
    "  assistant:",
    "    Hi there!",
    "",
    "",
  ]);
});

test("as JSON there are events and nothing else", () => {
  const { stdout, stderr } = printed({ json: true, showContent: true }, { columns: 60 });
  expect(JSON.parse(stdout)).toEqual(sampleEvent());
  expect(stderr).toBe("");
});
