import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { OximyEvent } from "../../../src/event/event.js";
import { escaped, htmlCall, htmlFoot, htmlHead } from "../../../src/traces/export/html.js";
import { sampleEvent } from "../../sinks/sample-event.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { HOSTILE_TEXTS } from "./hostile.js";

/** A call in which each text that others choose is this one. */
function callWith(text: string): OximyEvent {
  return sampleEvent({
    app: { id: text, name: text, matched_by: "script" },
    interaction: {
      model: text,
      provider: "openai",
      type: "chat",
      request: {
        system: text,
        messages: [
          { role: "system", content: text },
          { role: text, content: text },
          { role: "user", content: [{ type: text }, { type: "text", text }] },
          {
            role: "assistant",
            content: [{ type: "tool_use", id: text, name: text, input: { [text]: text } }],
          },
          { role: "user", content: [{ type: "tool_result", tool_use_id: text, content: text }] },
          { role: "tool", content: text },
        ],
      },
      response: {
        content: text,
        reasoning: text,
        tool_calls: [{ id: text, name: text, arguments: text }],
        error: { message: text },
      },
    },
    metadata: { request_host: "api.openai.com", error: text },
  });
}

const pageWith = (texts: readonly string[]) =>
  [htmlHead(texts.join(" ")), ...texts.map((text) => htmlCall(callWith(text))), htmlFoot("0")].join("");

const tagsOf = (page: string) =>
  new Set([...page.matchAll(/<[/!]?([a-z0-9]*)/gi)].map(([, name]) => name!.toLowerCase()));

test.each(HOSTILE_TEXTS)("%j is text and nothing else", (text) => {
  const page = pageWith([text]);
  expect(tagsOf(page)).toEqual(tagsOf(pageWith(["harmless"])));
  expect(page).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f]|\p{Cf}|\p{Cs}/u);
});

test("the page has a policy by which nothing is loaded and nothing runs, before anything else of it", () => {
  const page = pageWith(["Hello"]);
  const [policy] = /<meta http-equiv="Content-Security-Policy" content="([^"]+)">/.exec(page)!.slice(1);
  expect(policy!.replace(/sha256-[\w+/=]+/, "…")).toBe(
    "default-src 'none'; style-src '…'; base-uri 'none'; form-action 'none'",
  );
  expect(page.indexOf("Content-Security-Policy")).toBeLessThan(page.indexOf("<title>"));
  expect(page).not.toMatch(/<(script|a|img|link|iframe|form)\b|\bon\w+=|style=/);
});

test("a conversation reads as one: what was asked, thought, called and answered", () => {
  const event = sampleEvent({
    interaction: {
      model: "m",
      provider: "p",
      type: "chat",
      request: {
        messages: [
          { role: "system", content: "Be kind." },
          { role: "user", content: "Hello\nthere" },
        ],
      },
      response: {
        content: "Hi!",
        reasoning: "A greeting.",
        tool_calls: [{ name: "Read", arguments: { path: "/a" } }],
        usage: { input_tokens: 5, output_tokens: 3 },
      },
    },
  });
  const html = htmlCall(event);
  const texts = html
    .replace(/<[^>]+>/g, "|")
    .split(/\|+/)
    .map((text) => text.trim());
  expect(texts.filter((text) => text !== "").slice(1)).toEqual([
    "Instructions",
    "Be kind.",
    "user",
    "Hello\nthere",
    "Thought",
    "A greeting.",
    "assistant",
    "Hi!",
    "Calls Read",
    escaped('{\n  "path": "/a"\n}'),
  ]);
});

test("a call that goes on from another shows what is new", () => {
  const messages = [
    { role: "user", content: "Before" },
    { role: "assistant", content: "Answered" },
    { role: "user", content: "Now" },
  ];
  const interaction = { model: "m", provider: "p", type: "chat", request: { messages } } as const;
  const html = htmlCall(
    sampleEvent({ interaction, conversation: { id: "c", turn: 2, parent_event_id: "e" } }),
  );
  expect(html).toContain("Now");
  expect(html).not.toContain("Before");
});

const CHROMIUM = "/usr/bin/chromium";

test.skipIf(!existsSync(CHROMIUM) || process.getuid?.() !== 0)(
  "Chromium opens it with no network, and nothing in it runs",
  { timeout: 120_000 },
  async () => {
    const folder = temporaryFolder();
    const file = join(folder, "conversation.html");
    writeFileSync(file, pageWith(["Harmless", ...HOSTILE_TEXTS]));
    const flags = [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--dump-dom",
    ];
    const { stdout } = await promisify(execFile)(
      "unshare",
      ["--net", CHROMIUM, ...flags, `--user-data-dir=${join(folder, "profile")}`, `file://${file}`],
      { env: { PATH: process.env.PATH, HOME: folder }, maxBuffer: 16 << 20, timeout: 110_000 },
    );
    expect(/<title>([^<]*)/.exec(stdout)?.[1]).toMatch(/^Harmless/);
    expect(tagsOf(stdout)).toEqual(new Set([...tagsOf(pageWith(["x"]))].filter((name) => name !== "")));
    expect(stdout).toContain("<pre>Harmless</pre>");
  },
);
