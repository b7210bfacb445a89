import { expect, test } from "vitest";
import { diffText } from "../../src/cli/diff.js";
import type { InteractionRequest } from "../../src/interaction/interaction.js";
import { diffRequests, type RequestDiff } from "../../src/traces/request-diff.js";
import { SAMPLE_INTERACTION, sampleEvent } from "../sinks/sample-event.js";

const base: InteractionRequest = {
  model: "m",
  system: [{ type: "text", text: "You help.\nIt is 9." }],
  tools: [{ name: "Read", input_schema: {} }, { name: "Write" }],
  messages: [
    { role: "user", content: "Hello" },
    { role: "assistant", content: "Hi" },
  ],
};
const event = (request: InteractionRequest) =>
  sampleEvent({
    interaction: {
      ...SAMPLE_INTERACTION,
      request,
      response: { usage: { input_tokens: 100, cache_read_tokens: 40 } },
    },
  });
const diff = (change: Partial<InteractionRequest>) =>
  diffRequests(event(base), event({ ...base, ...change }));

test.each<[string, Partial<InteractionRequest>, RequestDiff["cache"]["lostAt"], object]>([
  [
    "a dialogue that goes on, its cache marks moved",
    {
      messages: [
        { role: "user", content: [{ type: "text", text: "Hello", cache_control: { type: "ephemeral" } }] },
        base.messages![1]!,
        { role: "user", content: "So" },
      ],
    },
    "nowhere",
    { messages: { same: 2, before: 2, after: 3 } },
  ],
  [
    "another line of the system prompt",
    { system: "You help.\nIt is 10." },
    "system",
    { system: { line: 2, before: "It is 9.", after: "It is 10." } },
  ],
  [
    "other tools",
    { tools: [{ name: "Write" }, { name: "Read", input_schema: { a: 1 } }, { name: "New" }] },
    "tools",
    { tools: { added: ["New"], removed: [], changed: ["Read"], reordered: true } },
  ],
  [
    "another message",
    { messages: [{ role: "user", content: "Hello?" }, base.messages![1]!] },
    "messages",
    { messages: { same: 0, change: { role: "user", line: 1, before: "Hello", after: "Hello?" } } },
  ],
  ["another model", { model: "n" }, "model", { fields: [{ name: "model", before: '"m"', after: '"n"' }] }],
])("%s", (_, change, lostAt, expected) => {
  const found = diff(change);
  expect(found).toMatchObject({ ...expected, cache: { read: 40, input: 100, lostAt } });
});

test("it is told in words, and nothing of it steers the terminal", () => {
  const text = diffText(diff({ system: "You help.\n\x1b[2JIt is 10.", temperature: 1 }));
  expect(text.split("\n")).toEqual([
    "system prompt:",
    "  line 2:",
    "  - It is 9.",
    "  + \ufffd[2JIt is 10.",
    "tools: the same",
    "messages: 2 and 2, the first 2 the same",
    "temperature: – → 1",
    "cache: lost from the system prompt on (40 of 100 tokens of the second were read from it)",
  ]);
});
