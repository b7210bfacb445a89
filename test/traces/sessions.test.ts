import { expect, test } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { sessionsOf } from "../../src/traces/sessions.js";
import { SAMPLE_INTERACTION, sampleEvent } from "../sinks/sample-event.js";

const at = (second: number) => `2026-01-09T12:00:${String(second).padStart(2, "0")}.000Z`;

function call(id: string, second: number, fields: Partial<OximyEvent> = {}, words = "Hello"): OximyEvent {
  const interaction = {
    ...SAMPLE_INTERACTION,
    request: {
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "<reminder>" },
            { type: "text", text: words },
          ],
        },
      ],
    },
    cost_usd: 0.5,
  };
  return sampleEvent({ timestamp: at(second), conversation: { id, turn: 1 }, interaction, ...fields });
}

const linesOf = (events: OximyEvent[]) =>
  events.map((event) => ({ event, line: Buffer.from(JSON.stringify(event)) }));

test("calls are summed by conversation, the one used last comes last", async () => {
  const repo = { root: "/work/shop", branch: "main" };
  const client = { pid: 1, uid: 1000, user: "ana", name: "claude", cwd: "/work/shop/src", repo, port: 1 };
  const sessions = await sessionsOf(
    linesOf([
      call("a", 3, { client }),
      call("b", 4, {}, "Other"),
      call("a", 9, { client, conversation: { id: "a", turn: 1, agent: "x" } }, "Not mine"),
      sampleEvent(),
    ]),
  );
  expect(sessions).toMatchObject([
    { id: "b", calls: 1, first_words: "Other", folder: null },
    {
      id: "a",
      user: "ana",
      app: "claude",
      folder: "/work/shop",
      branch: "main",
      models: ["gpt-4"],
      begun: at(3),
      ended: at(9),
      calls: 2,
      agents: 1,
      input_tokens: 10,
      output_tokens: 6,
      cost_usd: 1,
      first_words: "Hello",
    },
  ]);
});

test("the same id of two users is two conversations", async () => {
  const of = (uid: number) => call("a", 1, { client: { uid, port: 1 } });
  expect(await sessionsOf(linesOf([of(1), of(2)]))).toHaveLength(2);
});
