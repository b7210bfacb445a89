import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { MAX_ANSWER } from "../../src/mcp-server/tools.js";
import { MAIN } from "../built-oximy.js";
import { SAMPLE_INTERACTION, sampleEvent } from "../sinks/sample-event.js";
import { temporaryFolder } from "../temporary-folder.js";

const uid = process.getuid!();
const client = { pid: 1, name: "node", uid, port: 1 };

/** A call in which this is said. */
const call = (event_id: string, conversation: string, content: string, of: OximyEvent["client"] = client) =>
  sampleEvent({
    event_id,
    client: of,
    conversation: { id: conversation, turn: 1 },
    interaction: {
      ...SAMPLE_INTERACTION,
      cost_usd: 0.25,
      request: { messages: [{ role: "user", content }], model: "gpt-4" },
    },
  });

let home: string;
beforeEach(() => {
  home = temporaryFolder();
  mkdirSync(join(home, "traces"));
});

async function connect(...events: OximyEvent[]): Promise<Client> {
  const lines = events.map((event) => `${JSON.stringify(event)}\n`).join("");
  writeFileSync(join(home, "traces/traces_2026-01-09.jsonl"), lines);
  const agent = new Client({ name: "test", version: "0" });
  const env = { PATH: process.env.PATH!, OXIMY_HOME: home };
  await agent.connect(
    new StdioClientTransport({ command: process.execPath, args: [MAIN, "mcp-server"], env }),
  );
  onTestFinished(() => agent.close());
  return agent;
}

async function ask(agent: Client, name: string, given: Record<string, unknown> = {}) {
  const { content, isError = false } = await agent.callTool({ name, arguments: given });
  return { text: (content as Array<{ text: string }>)[0]!.text, isError };
}

test("an agent finds a conversation, reads it, searches and counts", async () => {
  const agent = await connect(
    call("1", "talk", "How do I deploy?"),
    call("2", "other", "Write a poem."),
    sampleEvent({ event_id: "3", client, interaction: undefined }),
  );
  const { tools } = await agent.listTools();
  expect(tools.map(({ name }) => name)).toEqual([
    "list_sessions",
    "show_session",
    "search_events",
    "usage_stats",
  ]);
  expect(tools.every(({ annotations }) => annotations?.readOnlyHint)).toBe(true);

  const sessions = JSON.parse((await ask(agent, "list_sessions")).text);
  expect(sessions).toMatchObject([
    { id: "talk", first_words: "How do I deploy?", cost_usd: 0.25 },
    { id: "other", first_words: "Write a poem." },
  ]);
  const shown = (await ask(agent, "show_session", { id: "talk" })).text;
  expect(shown).toContain("user:\n  How do I deploy?\nassistant:\n  Hi there!");
  expect(shown).not.toContain("poem");
  const found = (await ask(agent, "search_events", { text: "POEM" })).text;
  expect(found.split("\n")).toEqual(["1 events", expect.stringMatching(/^2026-01-09 .* 2$/)]);
  const stats = JSON.parse((await ask(agent, "usage_stats", { by: "model" })).text);
  expect(stats).toMatchObject({
    rows: [{ keys: ["openai/gpt-4"], calls: 2 }, { keys: ["openai"] }],
    total: { events: 3 },
  });
});

test("nothing of another user is returned, nor of nobody", async () => {
  const agent = await connect(
    call("1", "mine", "my words"),
    call("2", "theirs", "their words", { ...client, uid: uid + 1 }),
    call("3", "whose", "whose words", { unknown: "timeout", port: 1 }),
  );
  const answers = [
    await ask(agent, "list_sessions"),
    await ask(agent, "search_events", { text: "words" }),
    await ask(agent, "usage_stats", { by: "user" }),
    await ask(agent, "show_session", { id: "theirs" }),
    await ask(agent, "show_session", { id: "2" }),
    await ask(agent, "show_session", { id: "whose" }),
  ];
  expect(answers.map(({ text }) => text).join("\n")).not.toMatch(/their words|whose words/);
  expect(JSON.parse(answers[0]!.text)).toHaveLength(1);
  expect(JSON.parse(answers[2]!.text).total.events).toBe(1);
  expect(answers.map(({ isError }) => isError)).toEqual([false, false, false, true, true, true]);
});

test("an answer has a bound", async () => {
  const agent = await connect(
    ...Array.from({ length: 30 }, (_, at) => call(`${at}`, "long", "x".repeat(10_000))),
  );
  const { text } = await ask(agent, "show_session", { id: "long" });
  expect(text.length).toBeLessThan(2 * MAX_ANSWER);
  expect(text).toMatch(/… truncated: the result is too long\.$/);
});

test.each([
  ["a tool that there is not", "delete_events", {}, "There is no tool delete_events."],
  ["a time that is none", "search_events", { since: "soon" }, "It must be an age such as"],
  [
    "what nothing is told apart by",
    "usage_stats",
    { by: "colour" },
    "It must be some of app,model,day,project,user",
  ],
])("%s is answered with what to ask instead", async (_, name, given, said) => {
  const agent = await connect(call("1", "talk", "Hello"));
  const { text, isError } = await ask(agent, name, given);
  expect(text).toContain(said);
  expect(isError).toBe(true);
});
