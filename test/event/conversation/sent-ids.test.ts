import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  ANSWER_MEMBERS,
  ID_HEADERS,
  ID_MEMBERS,
  type SentIds,
  sentIds,
} from "../../../src/event/conversation/sent-ids.js";
import type { DecodedBody, DecodedExchange } from "../../../src/interaction/interaction.js";

const CHILD = "0199c0de-0000-7000-8000-000000000001";
const UUID = "57a121ec-f78c-48c3-a745-e3036a3ecc33";
const json = (value: unknown): DecodedBody => ({ kind: "json", value, truncated: false });
const webSocket = (...messages: unknown[]): DecodedBody => ({
  kind: "stream",
  format: "websocket",
  chunks: messages.map((data) => ({ data })),
  truncated: false,
});

function exchange(fields: Partial<DecodedExchange>): DecodedExchange {
  return {
    host: "api.example",
    method: "POST",
    path: "/v1/messages",
    query: new URLSearchParams(),
    requestFields: [],
    requestBody: { kind: "empty" },
    responseFields: [],
    responseBody: { kind: "empty" },
    ...fields,
  };
}

describe("ids are read from", () => {
  test.each<[string, Partial<DecodedExchange>, SentIds]>([
    [
      "Claude Code's headers",
      {
        requestFields: [
          ["X-Claude-Code-Session-Id", UUID],
          ["x-claude-code-agent-id", "a1b2c3"],
          ["x-claude-code-parent-agent-id", "main"],
        ],
        requestBody: json({
          metadata: { user_id: "user_1_account__session_00000000-0000-0000-0000-000000000000" },
        }),
      },
      { conversation: UUID, agent: "a1b2c3", parentAgent: "main" },
    ],
    [
      "Claude Code's user of old",
      {
        requestBody: json({
          metadata: { user_id: `user_${"f".repeat(64)}_account_${UUID}_session_${UUID}` },
        }),
      },
      { conversation: UUID },
    ],
    [
      "Claude Code's user as JSON",
      {
        requestBody: json({
          metadata: { user_id: JSON.stringify({ device_id: "d", account_uuid: "a", session_id: UUID }) },
        }),
      },
      { conversation: UUID },
    ],
    [
      "Codex's headers",
      {
        requestFields: [
          ["session-id", UUID],
          ["thread-id", CHILD],
          ["x-codex-parent-thread-id", UUID],
          ["x-openai-subagent", "collab_spawn"],
        ],
      },
      { conversation: UUID, thread: CHILD, parentThread: UUID, agent: "collab_spawn" },
    ],
    [
      "Codex's WebSocket",
      {
        requestFields: [["session_id", UUID]],
        requestBody: webSocket({
          type: "response.create",
          previous_response_id: "resp_1",
          prompt_cache_key: UUID,
        }),
        responseBody: webSocket({ type: "response.created", response: { id: "resp_2" } }),
      },
      { conversation: UUID, previous: "resp_1", answer: "resp_2" },
    ],
    [
      "opencode's headers",
      {
        requestFields: [
          ["x-session-affinity", "ses_2"],
          ["x-parent-session-id", "ses_1"],
        ],
      },
      { thread: "ses_2", parentThread: "ses_1" },
    ],
    [
      "opencode's headers since 1.18",
      {
        requestFields: [
          ["x-session-affinity", "ses_ddf2b119bffeXIPj3P3BqSY2qN"],
          ["x-session-id", "ses_ddf2b119bffeXIPj3P3BqSY2qN"],
          ["x-parent-session-id", "ses_ddf2b41feffe3U2j9xUPS6a5oB"],
        ],
      },
      {
        thread: "ses_ddf2b119bffeXIPj3P3BqSY2qN",
        conversation: "ses_ddf2b119bffeXIPj3P3BqSY2qN",
        parentThread: "ses_ddf2b41feffe3U2j9xUPS6a5oB",
      },
    ],
    [
      "a cache key that is one of its kind",
      { requestBody: json({ prompt_cache_key: UUID }) },
      { conversation: UUID },
    ],
    [
      "OpenAI's conversations",
      { requestBody: json({ conversation: { id: "conv_1" } }) },
      { conversation: "conv_1" },
    ],
    [
      "ChatGPT's first answer",
      { responseBody: webSocket({ type: "resume" }, { conversation_id: "c-1", message: {} }) },
      { conversation: "c-1" },
    ],
    ["Gemini CLI", { requestBody: json({ request: { session_id: "s1" } }) }, { conversation: "s1" }],
    ["OpenAI's threads", { path: "/v1/threads/thread_abc/runs" }, { conversation: "thread_abc" }],
    [
      "claude.ai",
      { path: `/api/organizations/o/chat_conversations/${UUID}/completion` },
      { conversation: UUID },
    ],
    ["an answer of OpenAI", { responseBody: json({ id: "resp_1" }) }, { answer: "resp_1" }],
  ])("%s", (_, fields, expected) => {
    expect(sentIds(exchange(fields))).toEqual(expected);
  });
});

test.each<[string, Partial<DecodedExchange>]>([
  ["a cache key that many calls share", { requestBody: json({ prompt_cache_key: "my-app-v1" }) }],
  [
    "a user that is no session",
    { requestBody: json({ metadata: { user_id: "ana@example.org" }, user: "ana" }) },
  ],
  ["JSON that is broken", { requestBody: json({ metadata: { user_id: "{session_id" } }) }],
  ["a session that lets somebody in", { requestFields: [["X-Session-Id", "s3cr3t.session/of-a.website"]] }],
  ["what is too long", { requestBody: json({ conversation_id: "x".repeat(129) }) }],
  ["a sentence", { requestBody: json({ thread_id: "my secret thoughts" }) }],
  [
    "headers of other names",
    {
      requestFields: [
        ["cookie", "session_id=1"],
        ["x-user-id", "ana"],
      ],
    },
  ],
])("%s is none", (_, fields) => {
  expect(sentIds(exchange(fields))).toEqual({});
});

test("docs/events.md names every field that is read for an id", () => {
  const document = readFileSync(new URL("../../../docs/events.md", import.meta.url), "utf8");
  const names = [...ID_HEADERS, ...ID_MEMBERS, ...ANSWER_MEMBERS].map(([name]) => name);
  expect(names.filter((name) => !document.includes(`\`${name}\``))).toEqual([]);
});
