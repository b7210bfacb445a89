/**
 * Makes the pictures of the documentation, of made-up events: `node --import tsx test/ui/pictures.ts`, after `npm run build`.
 * They are looked at before they are committed: nothing compares them.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { OximyEvent } from "../../src/event/event.js";
import type { Message } from "../../src/interaction/interaction.js";
import { serveUi } from "../../src/ui/server/server.js";
import { MAIN } from "../built-oximy.js";
import { sampleEvent } from "../sinks/sample-event.js";
import { Chromium } from "./chromium.js";

const IMAGES = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const COLUMNS = 120;

interface Turn {
  readonly asked: string;
  readonly answered: string;
  readonly tool?: { readonly name: string; readonly arguments: string; readonly result: string };
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly cost: number;
}

const AGENT_TURNS: readonly Turn[] = [
  {
    asked: "The date filter of the export ignores the time zone. Find out why and mend it.",
    answered: "I'll look at how the filter reads its dates first.",
    tool: {
      name: "Grep",
      arguments: '{"pattern":"parseSince","path":"src"}',
      result: "src/export/since.ts:12: export function parseSince(text: string): Date",
    },
    input: 18_420,
    cached: 0,
    output: 96,
    cost: 0.0567,
  },
  {
    asked: "",
    answered:
      "`parseSince` builds the date with `new Date(text)`, which reads a day without a time as **UTC** midnight:\n\n```ts\nreturn new Date(text); // 2026-01-09 → 2026-01-09T00:00:00Z\n```\n\nI'll take the day apart and use local midnight.",
    tool: {
      name: "Edit",
      arguments:
        '{"file_path":"src/export/since.ts","old_string":"new Date(text)","new_string":"localMidnight(text)"}',
      result: "The file was updated.",
    },
    input: 19_030,
    cached: 18_420,
    output: 214,
    cost: 0.0106,
  },
  {
    asked: "",
    answered:
      "Done. A day without a time now means local midnight, and the test covers both sides of a change to summer time:\n\n- `src/export/since.ts`: `localMidnight`\n- `test/export/since.test.ts`: four rows, one a zone",
    input: 19_702,
    cached: 19_030,
    output: 148,
    cost: 0.0101,
  },
];

let count = 0;
const START = Date.now() - 3 * 3_600_000;

function event(minutes: number, fields: Partial<OximyEvent>): OximyEvent {
  count += 1;
  return sampleEvent({
    event_id: `019ba454-e7b4-7600-9e5e-${String(count).padStart(12, "0")}`,
    schema_version: 2,
    timestamp: new Date(START + minutes * 60_000).toISOString(),
    ...fields,
  });
}

function agentSession(at: number): OximyEvent[] {
  const messages: Message[] = [];
  let parent: string | undefined;
  return AGENT_TURNS.map((turn, index) => {
    if (turn.asked !== "") messages.push({ role: "user", content: turn.asked });
    const call = turn.tool && { id: `call_${index}`, name: turn.tool.name, arguments: turn.tool.arguments };
    const made = event(at + index * 0.4, {
      source: { type: "api", id: "anthropic", endpoint: null },
      timing: { duration_ms: 2_100 + index * 400, ttfb_ms: 640 },
      client: {
        pid: 4711,
        name: "claude",
        path: "/home/ana/.local/bin/claude",
        user: "ana",
        uid: 1000,
        cwd: "/home/ana/reports",
        repo: { root: "/home/ana/reports", branch: "fix-time-zone" },
        port: 54_029,
      },
      app: {
        id: "claude-code",
        name: "Claude Code",
        vendor: "Anthropic",
        category: "agent",
        matched_by: "executable",
      },
      conversation: { id: "b7c1", turn: index + 1, ...(parent !== undefined && { parent_event_id: parent }) },
      interaction: {
        model: "claude-sonnet-4-5",
        provider: "anthropic",
        type: "chat",
        request: {
          model: "claude-sonnet-4-5",
          system: "You are an agent that works in a repository.",
          tools: [{ name: "Grep" }, { name: "Read" }, { name: "Edit" }],
          messages: [...messages],
          stream: true,
        },
        response: {
          content: turn.answered,
          model: "claude-sonnet-4-5",
          finish_reason: call ? "tool_use" : "end_turn",
          ...(call && { tool_calls: [call] }),
          usage: { input_tokens: turn.input, cache_read_tokens: turn.cached, output_tokens: turn.output },
        },
        cost_usd: turn.cost,
      },
      metadata: {
        request_method: "POST",
        request_host: "api.anthropic.com",
        request_path: "/v1/messages",
        response_status: 200,
        protocol: "h2",
        via: "read",
      },
    });
    parent = made.event_id;
    const content = [{ type: "text", text: turn.answered }, ...(call ? [{ type: "tool_use", ...call }] : [])];
    messages.push({ role: "assistant", content });
    if (turn.tool) messages.push({ role: "tool", content: turn.tool.result });
    return made;
  });
}

interface Call {
  readonly at: number;
  readonly app: readonly [id: string, name: string];
  readonly provider: string;
  readonly model: string;
  readonly host: string;
  readonly asked: string;
  readonly answered: string;
  readonly tokens: readonly [input: number, output: number];
  readonly cost: number;
  readonly status?: number;
  readonly project?: string;
}

const CALLS: readonly Call[] = [
  {
    at: 4,
    app: ["cursor", "Cursor"],
    provider: "openai",
    model: "gpt-5.2",
    host: "api.openai.com",
    asked: "Write a test for the pager",
    answered: "Here is a test.",
    tokens: [9_310, 420],
    cost: 0.0222,
    project: "pager",
  },
  {
    at: 21,
    app: ["chatgpt", "ChatGPT"],
    provider: "openai",
    model: "gpt-5.2",
    host: "chatgpt.com",
    asked: "What does a stapled OCSP answer hold?",
    answered: "The status of one certificate, signed.",
    tokens: [312, 655],
    cost: 0.0097,
  },
  {
    at: 38,
    app: ["codex", "Codex"],
    provider: "openai",
    model: "gpt-5.2-codex",
    host: "api.openai.com",
    asked: "Update the lock file",
    answered: "It is up to date.",
    tokens: [22_804, 310],
    cost: 0.0443,
    project: "billing",
  },
  {
    at: 62,
    app: ["gemini-cli", "Gemini CLI"],
    provider: "google",
    model: "gemini-3-pro",
    host: "generativelanguage.googleapis.com",
    asked: "Summarise CHANGELOG.md",
    answered: "Three releases since May.",
    tokens: [14_090, 260],
    cost: 0.0313,
    project: "billing",
  },
  {
    at: 85,
    app: ["comet", "Comet"],
    provider: "perplexity",
    model: "sonar-pro",
    host: "www.perplexity.ai",
    asked: "compare S3 storage classes",
    answered: "Standard, Infrequent Access, …",
    tokens: [540, 890],
    cost: 0.015,
  },
  {
    at: 110,
    app: ["cursor", "Cursor"],
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    host: "api.anthropic.com",
    asked: "Rename this hook",
    answered: "",
    tokens: [0, 0],
    cost: 0,
    status: 429,
    project: "pager",
  },
  {
    at: 131,
    app: ["granola", "Granola"],
    provider: "openai",
    model: "gpt-5.2",
    host: "api.openai.com",
    asked: "Notes of the weekly",
    answered: "Decisions: …",
    tokens: [6_240, 512],
    cost: 0.0181,
  },
];

function call({
  at,
  app: [id, name],
  provider,
  model,
  host,
  asked,
  answered,
  tokens,
  cost,
  status = 200,
  project,
}: Call): OximyEvent {
  return event(at, {
    source: { type: "api", id: provider, endpoint: null },
    timing: { duration_ms: 800 + tokens[1] * 9, ttfb_ms: 380 },
    client: {
      pid: 2_000 + at,
      name,
      user: "ana",
      uid: 1000,
      port: 40_000 + at,
      ...(project !== undefined && {
        cwd: `/home/ana/${project}`,
        repo: { root: `/home/ana/${project}`, branch: "main" },
      }),
    },
    app: { id, name, matched_by: "executable" },
    interaction: {
      model,
      provider,
      type: "chat",
      request: { model, messages: [{ role: "user", content: asked }], stream: true },
      response:
        status === 200
          ? {
              content: answered,
              model,
              finish_reason: "stop",
              usage: { input_tokens: tokens[0], output_tokens: tokens[1] },
            }
          : { error: { message: "Rate limit reached." } },
      ...(status === 200 && { cost_usd: cost }),
    },
    metadata: {
      request_method: "POST",
      request_host: host,
      request_path: "/v1/chat/completions",
      response_status: status,
      protocol: "h2",
      via: "read",
    },
  });
}

/** A program whose TLS cannot be read. */
const unread = event(150, {
  trace_level: "identifiable",
  source: { type: "api", id: "mistral", endpoint: null },
  client: {
    pid: 9_120,
    name: "java",
    path: "/usr/lib/jvm/java-17/bin/java",
    user: "ana",
    uid: 1000,
    port: 41_100,
  },
  interaction: undefined,
  metadata: {
    request_host: "api.mistral.ai",
    bytes_up: 1_912,
    bytes_down: 8_240,
    reason: "runtime_does_not_trust",
  },
} as Partial<OximyEvent>);

/** Only what our own output has: bold, dim, and the sixteen colours. */
function htmlOf(ansi: string): string {
  const colours: Record<string, string> = {
    31: "#f7768e",
    32: "#9ece6a",
    33: "#e0af68",
    34: "#7aa2f7",
    35: "#bb9af7",
    36: "#7dcfff",
    90: "#7a80a0",
    91: "#f7768e",
    92: "#9ece6a",
    93: "#e0af68",
    94: "#7aa2f7",
    95: "#bb9af7",
    96: "#7dcfff",
  };
  let open = 0;
  const body = ansi
    .replaceAll(/\r|\x1b\[K/g, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/\x1b\[([\d;]*)m/g, (_, codes: string) => {
      let html = "";
      for (const code of codes.split(";")) {
        const style =
          code === "1"
            ? "font-weight:700"
            : code === "2"
              ? "opacity:.6"
              : colours[code] && `color:${colours[code]}`;
        if (style) {
          html += `<span style="${style}">`;
          open += 1;
        } else {
          html += "</span>".repeat(open);
          open = 0;
        }
      }
      return html;
    });
  return `<meta charset="utf-8"><style>html{background:#1a1b26}pre{margin:0;padding:20px 24px;color:#c0caf5;font:14px/1.4 "DejaVu Sans Mono",monospace}</style><pre>${body}</pre>`;
}

/** What a command prints on a terminal, below its prompt. */
function onTerminal(command: string, folder: string): string {
  const words = `stty cols ${COLUMNS}; exec node ${MAIN} ${command} --output-dir ${folder}`;
  const { stdout } = spawnSync("script", ["-qec", words, "/dev/null"], {
    encoding: "utf8",
    env: {
      ...process.env,
      TERM: "xterm-256color",
      COLUMNS: String(COLUMNS),
      NO_COLOR: undefined,
      FORCE_COLOR: undefined,
    },
  });
  return `\x1b[90m$\x1b[0m \x1b[1moximy ${command}\x1b[0m\n${stdout}\n`;
}

async function picture(chromium: Chromium, name: string, height?: number): Promise<void> {
  const clip = height === undefined ? {} : { clip: { x: 0, y: 0, width: 1_120, height, scale: 1 } };
  const { data } = await chromium.ask("Page.captureScreenshot", { format: "png", ...clip });
  writeFileSync(join(IMAGES, name), Buffer.from(String(data), "base64"));
}

const home = mkdtempSync(join(tmpdir(), "oximy-pictures-"));
const folder = join(home, "traces");
mkdirSync(folder);
mkdirSync(IMAGES, { recursive: true });
const events = [...CALLS.map(call), ...agentSession(140), unread].sort((a, b) =>
  a.timestamp < b.timestamp ? -1 : 1,
);
const day = (text: string) => text.slice(0, 10);
for (const date of new Set(events.map(({ timestamp }) => day(timestamp)))) {
  const lines = events
    .filter(({ timestamp }) => day(timestamp) === date)
    .map((one) => `${JSON.stringify(one)}\n`);
  writeFileSync(join(folder, `traces_${date}.jsonl`), lines.join(""));
}

const server = await serveUi({ folder, port: 0, certificate: "/home/ana/.oximy/ca/oximy-ca-cert.pem" });
const chromium = await Chromium.start();
try {
  await chromium.show({ width: 1_120, scheme: "light" });
  await chromium.open(server.address);
  await chromium.until(`document.body?.innerText.includes("Claude Code")`);
  await chromium.evaluate(
    `[...document.querySelectorAll("a,button,[role=option],[role=row],li")].find((one) => one.textContent.includes("time zone"))?.click()`,
  );
  await chromium.until(`document.body?.innerText.includes("local midnight")`);
  await picture(chromium, "page.png", 800);
  const text = ["events", "sessions"]
    .map((command) => onTerminal(command, folder))
    .join("\n")
    .trimEnd();
  const page = join(home, "terminal.html");
  writeFileSync(page, htmlOf(text));
  await chromium.show({ width: 1_120, height: 1_600, scheme: "dark" });
  await chromium.open(`file://${page}`);
  await chromium.until(`document.querySelector("pre") !== null`);
  const height = await chromium.evaluate<number>("document.querySelector('pre').offsetHeight");
  await picture(chromium, "terminal.png", height);
} finally {
  await chromium.close();
  await server.close();
  rmSync(home, { recursive: true, force: true });
}
