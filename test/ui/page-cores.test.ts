import { describe, expect, it } from "vitest";
import { ALL, type Filter, matcher, statusesOf } from "../../src/ui/page/filter.js";
import { htmlOf } from "../../src/ui/page/markdown.js";
import { OTHERS, seriesOf } from "../../src/ui/page/series.js";
import { itemsOf, sumsOf } from "../../src/ui/page/timeline.js";
import { unreadOf } from "../../src/ui/page/unread.js";
import { parseVisible, visible } from "../../src/ui/page/visible.js";
import type { Row } from "../../src/ui/wire.js";

const row = (id: string, fields: Partial<Row> = {}): Row => ({
  id,
  at: 1_000,
  app: "Cursor",
  appIds: [],
  provider: "openai",
  source: "openai",
  host: "api.openai.com",
  ...fields,
});

describe("characters that cannot be seen", () => {
  it.each([
    ["turn text around", "a\u202eb", "a⟨U+202E⟩b"],
    ["isolate", "\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"],
    ["spell unseen words", "\u{e0041}", "⟨U+E0041⟩"],
    ["are controls", "\x1b[2J\x00", "⟨U+001B⟩[2J⟨U+0000⟩"],
    ["are halves", "\ud800", "⟨U+D800⟩"],
    ["are none of these", "ä\t\n👩‍💻 עברית", "ä\t\n👩‍💻 עברית"],
  ])("are shown where they %s", (_, text, shown) => {
    expect(visible(text)).toBe(shown);
    expect(parseVisible(JSON.stringify({ text: [text] }))).toEqual({ text: [shown] });
  });
});

describe("Markdown", () => {
  it.each([
    ["an element", "<script>x</script><img src=x onerror=y>", /<(script|img)/],
    ["a link that runs", "[x](javascript:alert(1)) [y](JaVaScRiPt&#58;alert(1)) [z](data:text/html,x)", /<a/],
    ["a picture", "![a](https://evil.example/x.png)", /<img/],
    ["a picture by reference", "![a][b]\n\n[b]: https://evil.example/x.png", /<img/],
  ])("is text where it is %s", (_, markdown, forbidden) => {
    expect(htmlOf(markdown)).not.toMatch(forbidden);
  });

  it("tells where a picture stood, and from where it would be loaded", () => {
    expect(htmlOf("![a <b>](https://evil.example/x.png?a&b)")).toContain(
      "<code>[picture: a &lt;b&gt;, https://evil.example/x.png?a&amp;b]</code>",
    );
  });
});

describe("the filter lets through", () => {
  const rows = [
    row("1", { model: "gpt-5", project: "/work/shop", words: "Fix it" }),
    row("2", { app: "Codex", at: 5_000, failed: true, status: 529 }),
    row("3", { app: "Codex", reason: "trust_unknown" }),
  ];
  it.each<[string, Partial<Filter>, string]>([
    ["all", {}, "123"],
    ["an app", { app: "Codex" }, "23"],
    ["a model", { model: "gpt-5" }, "1"],
    ["a project", { project: "/work/shop" }, "1"],
    ["what is new", { since: 4_000 }, "2"],
    ["what failed", { show: "failed" }, "2"],
    ["what was read", { show: "read" }, "12"],
    ["what was not", { show: "unread" }, "3"],
    ["a status", { status: "529" }, "2"],
    ["a class of statuses", { status: "5xx" }, "2"],
    ["none of another class", { status: "4xx" }, ""],
    ["words", { text: "FIX" }, "1"],
    ["marks of expressions as they are", { text: "." }, "123"],
    ["what the server found", { text: "elsewhere" }, "3"],
  ])("%s", (_, change, ids) => {
    const found = new Map(change.text === "elsewhere" ? [["3", ""]] : []);
    const shown = rows.filter(matcher({ ...ALL, ...change }, found));
    expect(shown.map(({ id }) => id).join("")).toBe(ids);
  });
});

it("statuses that are there can be chosen, each class before those in it", () => {
  const rows = [529, 200, 200, 500, 429, undefined].map((status, index) =>
    row(`${index}`, status === undefined ? {} : { status }),
  );
  expect(statusesOf(rows)).toEqual([
    ["2xx", 2],
    ["200", 2],
    ["4xx", 1],
    ["429", 1],
    ["5xx", 2],
    ["500", 1],
    ["529", 1],
  ]);
});

describe("the timeline", () => {
  const rows = [
    row("1", { conversation: "a", at: 1_000, words: "Hi", model: "m", input: 1, cost: 0.5 }),
    row("2", { at: 2_000 }),
    row("3", { conversation: "a", at: 3_000, model: "n", input: 2, agent: "x", failed: true }),
    row("4", { at: 3 * 86_400_000 }),
  ];

  it("has conversations as one, newest first, and calls that stand alone", () => {
    const items = itemsOf(rows, "conversations");
    expect(items.map(({ id, isFirstOfDay }) => [id, isFirstOfDay])).toEqual([
      ["4", true],
      ["1", true],
      ["2", false],
    ]);
    expect(sumsOf(items[1]!)).toEqual({
      models: ["m", "n"],
      input: 3,
      output: 0,
      cost: 0.5,
      failed: 1,
      agents: 1,
      words: "Hi",
    });
  });

  it("has each call, when that is asked for", () => {
    expect(itemsOf(rows, "calls").map(({ id }) => id)).toEqual(["4", "3", "2", "1"]);
  });
});

it("what was not read is gathered by reason, app and advice, most first", () => {
  const groups = unreadOf([
    row("1", { reason: "no_request", advice: "x" }),
    row("2", { reason: "trust_unknown", advice: "y", host: "a" }),
    row("3", { reason: "trust_unknown", advice: "y", host: "b", at: 9_000 }),
    row("4"),
  ]);
  expect(groups.map(({ reason, hosts, count, last }) => [reason, hosts, count, last.id])).toEqual([
    ["trust_unknown", ["a", "b"], 2, "3"],
    ["no_request", ["api.openai.com"], 1, "1"],
  ]);
});

describe("the plots", () => {
  it("have one span after the other, and the rest of many groups as one", () => {
    const rows = Array.from({ length: 20 }, (_, index) =>
      row(String(index), { at: index * 600_000, model: `m${index}`, cost: 1 + index }),
    );
    const { starts, span, groups } = seriesOf(rows, "cost", "model");
    expect(span).toBe(300);
    expect(starts.every((start, index) => index === 0 || start - starts[index - 1]! === span)).toBe(true);
    expect(groups.map(({ name }) => name)).toEqual(["m19", "m18", "m17", "m16", "m15", "m14", "m13", OTHERS]);
    expect(groups.reduce((sum, { total }) => sum + total, 0)).toBe(210);
    expect(groups.every(({ values }) => values.length === starts.length)).toBe(true);
  });

  it("have nothing of nothing", () => {
    expect(seriesOf([], "calls", "app").groups).toEqual([]);
  });
});
