import { expect, test } from "vitest";
import { transcriptOf } from "../../src/traces/transcript.js";
import { SAMPLE_INTERACTION, sampleEvent } from "../sinks/sample-event.js";

const messages = [
  { role: "system", content: "You help." },
  { role: "user", content: "Before." },
  { role: "assistant", content: [{ type: "tool_use", id: "t", name: "Read", input: { path: "/a" } }] },
  {
    role: "user",
    content: [
      { type: "tool_result", tool_use_id: "t", content: "x".repeat(300) },
      { type: "text", text: "Now\tthis\n\x1b[31mred" },
    ],
  },
];
const event = sampleEvent({
  conversation: { id: "c", turn: 2, parent_event_id: "e1" },
  interaction: {
    ...SAMPLE_INTERACTION,
    request: { messages },
    response: {
      content: "Yes.\nAll.",
      tool_calls: [{ id: "u", name: "Write\x07", arguments: { path: "/b", text: "long" } }],
    },
  },
});

test("what was said since the answer before, and the answer; tools are folded, nothing steers the terminal", () => {
  const [headline, ...lines] = transcriptOf(event, { tools: "folded" });
  expect(headline).toMatch(/^── \d\d:\d\d:\d\d {2}turn 2 {2}gpt-4/);
  expect(lines).toEqual([
    `  ◂ 300 characters: ${"x".repeat(99)}…`,
    "user:",
    "  Now    this",
    "  \ufffd[31mred",
    "assistant:",
    "  Yes.",
    "  All.",
    '  ▸ Write\ufffd {"path":"/b","text":"long"}',
    "",
  ]);
});

test("tools in full, and from the beginning when it goes on from nothing", () => {
  const lines = transcriptOf({ ...event, conversation: { id: "c", turn: 1 } }, { tools: "whole" });
  expect(lines).toContain(`  ${"x".repeat(300)}`);
  expect(lines).toContain("  Before.");
  expect(lines.join("\n")).not.toContain("You help.");
});
