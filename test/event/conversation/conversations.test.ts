import { describe, expect, test } from "vitest";
import { Conversations, type EventConversation } from "../../../src/event/conversation/conversations.js";
import { chainOf } from "../../../src/event/conversation/message-chain.js";
import type { SentIds } from "../../../src/event/conversation/sent-ids.js";
import type { Message, ToolCall } from "../../../src/interaction/interaction.js";

interface Told {
  readonly messages: readonly Message[];
  readonly answer?: string;
  readonly tools?: readonly ToolCall[];
  readonly ids?: SentIds;
  readonly user?: string;
  readonly process?: string;
  readonly program?: string;
  readonly connection?: string;
  readonly failed?: boolean;
}

/** Calls with the ids e1, e2, …, one after the other. */
class Calls {
  private count = 0;
  readonly conversations = new Conversations();

  place(told: Told) {
    const {
      messages,
      answer,
      tools,
      ids = {},
      user = "1000",
      process = "1",
      connection = "1",
      failed,
    } = told;
    this.count += 1;
    const response =
      answer === undefined && tools === undefined
        ? undefined
        : { content: answer ?? "", ...(tools && { tool_calls: [...tools] }) };
    return this.conversations.place({
      eventId: `e${this.count}`,
      user,
      process,
      ...(told.program && { program: told.program }),
      connection,
      ids,
      chain: chainOf({
        model: "m",
        provider: "p",
        type: "chat",
        request: { messages: [...messages] },
        ...(response && { response }),
      }),
      ...(answer !== undefined && { answer }),
      tools: tools ?? [],
      failed: failed ?? response === undefined,
    });
  }
}

const user = (content: unknown): Message => ({ role: "user", content });
const model = (content: unknown): Message => ({ role: "assistant", content });
const system = (content: string): Message => ({ role: "system", content });

describe("without ids, a call goes on from the one whose dialogue it repeats", () => {
  const tool: ToolCall = { id: "call_1", name: "read", arguments: { path: "/a" } };
  test.each<[string, Told, readonly Message[]]>([
    [
      "with an answer of text",
      { messages: [user("hi")], answer: "hello" },
      [user("hi"), model("hello"), user("so")],
    ],
    [
      "with parts where there was text",
      { messages: [user("hi")], answer: "hello" },
      [
        user([{ type: "text", text: "hi", cache_control: { type: "ephemeral" } }]),
        model([
          { type: "thinking", thinking: "hm" },
          { type: "text", text: "hello\n" },
        ]),
        user("so"),
      ],
    ],
    [
      "with another system prompt",
      { messages: [system("It is 9."), user("hi")], answer: "hello" },
      [system("It is 10."), user("hi"), model("hello"), user("so")],
    ],
    [
      "with OpenAI's tool calls",
      { messages: [user("hi")], tools: [tool] },
      [
        user("hi"),
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "call_1", type: "function", function: { name: "read" } }],
        },
        { role: "tool", content: "text", tool_call_id: "call_1" },
      ],
    ],
    [
      "with Anthropic's tool calls",
      { messages: [user("hi")], answer: "I read.", tools: [tool] },
      [
        user("hi"),
        model([
          { type: "text", text: "I read." },
          { type: "tool_use", id: "call_1", name: "read", input: {} },
        ]),
        user([{ type: "tool_result", tool_use_id: "call_1", content: "text" }]),
      ],
    ],
    [
      "with the items of responses",
      { messages: [user("hi")], answer: "I read.", tools: [tool] },
      [
        user([{ type: "input_text", text: "hi" }]),
        { role: "assistant", content: null, type: "reasoning", id: "rs_1" },
        model([{ type: "output_text", text: "I read." }]),
        {
          role: "assistant",
          type: "function_call",
          call_id: "call_1",
          name: "read",
          content: "{}",
          arguments: "{}",
        },
        { role: "tool", type: "function_call_output", call_id: "call_1", content: "text" },
      ],
    ],
    [
      "with Gemini's parts",
      { messages: [user([{ text: "hi" }])], tools: [{ name: "read", arguments: {} }] },
      [
        user([{ text: "hi" }]),
        { role: "model", content: [{ functionCall: { name: "read", args: {} } }] },
        user([{ functionResponse: { name: "read", response: {} } }]),
      ],
    ],
  ])("%s", (_, first, messages) => {
    const calls = new Calls();
    expect(calls.place(first)).toEqual({ id: "e1", turn: 1 });
    expect(calls.place({ messages, answer: "ok" })).toEqual({ id: "e1", turn: 2, parent_event_id: "e1" });
  });

  test("again after a failure, and from an earlier turn", () => {
    const calls = new Calls();
    calls.place({ messages: [user("hi")] });
    expect(calls.place({ messages: [user("hi")], answer: "hello" })).toMatchObject({
      id: "e1",
      parent_event_id: "e1",
    });
    const dialogue = [user("hi"), model("hello")];
    calls.place({ messages: [...dialogue, user("a")], answer: "A" });
    expect(calls.place({ messages: [...dialogue, user("b")], answer: "B" })).toEqual({
      id: "e1",
      turn: 4,
      parent_event_id: "e2",
    });
  });

  test("after it was made short", () => {
    const calls = new Calls();
    const summary = `Summary of what was done: ${"the file was read and changed. ".repeat(20)}`;
    calls.place({ messages: [user("hi")], answer: "hello" });
    calls.place({ messages: [user("hi"), model("hello"), user("Summarise.")], answer: summary });
    expect(
      calls.place({ messages: [user(`This session goes on. ${summary}`), user("next")], answer: "ok" }),
    ).toEqual({ id: "e1", turn: 3, parent_event_id: "e2" });
  });

  // Requests of Gemini CLI 0.61, which has a summary made and then judged, by another process than the one before.
  test("when its calls get other ids, and its summary is judged", () => {
    const calls = new Calls();
    const [program, process] = ["agent", "2"];
    const summary = (text: string) => `${text}: ${"the file was read and changed. ".repeat(20)}`;
    const dialogue = (id: string) => [
      user("hi"),
      model([{ functionCall: { name: "look", id, args: {} } }]),
      user([{ functionResponse: { name: "look", id, response: { output: "found" } } }]),
    ];
    const asked = dialogue("call_0");
    calls.place({
      messages: asked.slice(0, 1),
      tools: [{ id: "call_0", name: "look", arguments: {} }],
      program,
    });
    calls.place({ messages: asked, answer: "It is this.", program });
    const short = [...dialogue("look__call_0"), model("It is this.")];
    const first = { messages: [...short, user("Summarise.")], answer: summary("A"), program, process };
    expect(calls.place(first)).toMatchObject({ id: "e1", turn: 3, parent_event_id: "e2" });
    const judged = [...short, model(summary("A")), user("Is it whole?")];
    expect(calls.place({ messages: judged, answer: summary("B"), program, process })).toMatchObject({
      id: "e1",
      turn: 4,
    });
    const after = [user(summary("B")), model("Got it."), user("next")];
    expect(calls.place({ messages: after, answer: "ok", program, process })).toEqual({
      id: "e1",
      turn: 5,
      parent_event_id: "e4",
    });
  });
});

test("a thread of opencode's is its own also when it is made short, with its agent's work told in one message", () => {
  const calls = new Calls();
  const ids = { conversation: "ses_main", thread: "ses_main" };
  const agentIds = { conversation: "ses_sub", thread: "ses_sub", parentThread: "ses_main" };
  const prompt = "Look for everything about it and report what you have found.";
  const start: ToolCall = { id: "t1", name: "task", arguments: { prompt } };
  calls.place({ messages: [user("go")], tools: [start], ids });
  const found = `What was found: ${"it is told here in so many words. ".repeat(10)}`;
  expect(calls.place({ messages: [user(prompt)], answer: found, ids: agentIds })).toMatchObject({
    ...{ id: "ses_main", turn: 1, agent: "ses_sub", parent_event_id: "e1" },
  });
  const told = `The conversation so far: [User]: go [Agent]: ${prompt} ${found} Summarise.`;
  expect(calls.place({ messages: [user(told)], answer: "short", ids })).toEqual({ id: "ses_main", turn: 2 });
  const after = [user("What did we do so far?"), model("short"), user("Go on.")];
  expect(calls.place({ messages: after, answer: "ok", ids })).toMatchObject({ id: "ses_main", turn: 3 });
});

describe("a later process takes up a conversation", () => {
  const begun: Told = { messages: [user("Hello")], answer: "Hi", program: "agent", process: "1" };
  const resumed: Told = {
    messages: [user("Hello"), model("Hi"), user("And now?")],
    answer: "Now this",
    program: "agent",
    process: "2",
  };
  const result = (id: string) => ({ functionResponse: { name: "look", id, response: { output: "found" } } });

  test("of the same program, by the same user", () => {
    const calls = new Calls();
    calls.place(begun);
    expect(calls.place(resumed)).toEqual({ id: "e1", turn: 2, parent_event_id: "e1" });
  });

  test("with results said twice, as Gemini CLI does", () => {
    const calls = new Calls();
    const asked = [user("Hello"), model([{ functionCall: { name: "look", id: "c", args: {} } }])];
    calls.place({ ...begun, messages: [...asked, user([result("c")])] });
    const again = [...asked, user([result("c"), result("c")]), model("Hi"), user("And now?")];
    expect(calls.place({ ...resumed, messages: again })).toMatchObject({ id: "e1", parent_event_id: "e1" });
  });

  test.each<[string, Partial<Told>]>([
    ["another program", { program: "other" }],
    ["a program that is not known", { program: "" }],
    ["another user", { user: "1001" }],
    ["a call that names its conversation", { ids: { conversation: "s" } }],
  ])("not %s", (_, change) => {
    const calls = new Calls();
    calls.place(begun);
    expect(calls.place({ ...resumed, ...change })).not.toHaveProperty("parent_event_id");
  });

  test("not where it could be either of two", () => {
    const calls = new Calls();
    calls.place(begun);
    calls.place({ ...begun, process: "3" });
    expect(calls.place(resumed)).toEqual({ id: "e3", turn: 1 });
  });
});

describe("two conversations stay two", () => {
  test.each<[string, Told, Told]>(
    [
      ["of two users", {}, { user: "1001" }],
      ["of two processes", {}, { process: "2" }],
      [
        "of users that send the same id",
        { ids: { conversation: "c" } },
        { ids: { conversation: "c" }, user: "1001" },
      ],
      ["of two ids", { ids: { conversation: "c" } }, { ids: { conversation: "d" } }],
    ].map(
      ([name, one, other]) =>
        [name, { messages: [user("hi")], ...(one as object) }, { messages: [], ...(other as object) }] as [
          string,
          Told,
          Told,
        ],
    ),
  )("%s", (_, one, other) => {
    const calls = new Calls();
    calls.place({ ...one, answer: "hello" });
    const placed = calls.place({ ...other, messages: [user("hi"), model("hello"), user("so")], answer: "x" });
    expect(placed.parent_event_id).toBeUndefined();
    expect(placed.turn).toBe(1);
  });

  test("that begin with the same examples", () => {
    const calls = new Calls();
    const examples = [user("1+1"), model("2")];
    const first = calls.place({ messages: [...examples, user("2+2")], answer: "4" });
    const second = calls.place({ messages: [...examples, user("3+3")], answer: "6" });
    expect(second.id).not.toBe(first.id);
  });

  test("that are the same to the letter, told by their connections", () => {
    const calls = new Calls();
    const one = calls.place({ messages: [user("hi")], answer: "hello", connection: "1" });
    const other = calls.place({ messages: [user("hi")], answer: "hello", connection: "2" });
    const dialogue = [user("hi"), model("hello"), user("so")];
    expect(calls.place({ messages: dialogue, answer: "a", connection: "2" }).id).toBe(other.id);
    expect(calls.place({ messages: dialogue, answer: "b", connection: "1" }).id).toBe(one.id);
  });
});

describe("what programs and providers call it", () => {
  test("a session keeps its id when its dialogue is made short, also in another process", () => {
    const calls = new Calls();
    const ids = { conversation: "session" };
    calls.place({ messages: [user("hi")], answer: "hello", ids });
    expect(calls.place({ messages: [user("Summary: …")], answer: "ok", ids, process: "2" })).toEqual({
      id: "session",
      turn: 2,
    });
  });

  test("an answer's id is gone on from, within one user", () => {
    const calls = new Calls();
    calls.place({ messages: [user("hi")], answer: "hello", ids: { answer: "resp_1" } });
    const next: Told = { messages: [user("so")], answer: "x", ids: { previous: "resp_1", answer: "resp_2" } };
    expect(calls.place(next)).toEqual({ id: "e1", turn: 2, parent_event_id: "e1" });
    expect(calls.place({ ...next, user: "1001" })).toEqual({ id: "e3", turn: 1 });
  });
});

describe("agents hang under the call that started them", () => {
  const prompt = "Find every place where the configuration is read.";
  const start: Told = {
    messages: [user("hi")],
    tools: [{ id: "t1", name: "Task", arguments: { description: "find", prompt } }],
  };
  const goOn = [
    user("hi"),
    model([{ type: "tool_use", id: "t1", name: "Task", input: { prompt } }]),
    user([{ type: "tool_result", tool_use_id: "t1", content: "found" }]),
  ];

  test.each<[string, SentIds, SentIds, EventConversation, EventConversation]>([
    [
      "without any id",
      {},
      {},
      { id: "e1", turn: 1, parent_event_id: "e1", agent: "e2" },
      { id: "e1", turn: 2, parent_event_id: "e2", agent: "e2" },
    ],
    [
      "with the session's id alone",
      { conversation: "s" },
      { conversation: "s" },
      { id: "s", turn: 1, parent_event_id: "e1", agent: "e2" },
      { id: "s", turn: 2, parent_event_id: "e2", agent: "e2" },
    ],
    [
      "with an id of its own, as Claude Code",
      { conversation: "s" },
      { conversation: "s", agent: "a7" },
      { id: "s", turn: 1, parent_event_id: "e1", agent: "a7" },
      { id: "s", turn: 2, parent_event_id: "e2", agent: "a7" },
    ],
    [
      "in a thread, as Codex",
      { conversation: "root", thread: "root" },
      { conversation: "root", thread: "child", parentThread: "root", agent: "collab_spawn" },
      { id: "root", turn: 1, parent_event_id: "e1", agent: "child" },
      { id: "root", turn: 2, parent_event_id: "e2", agent: "child" },
    ],
    [
      "in a thread that names its parent, as opencode",
      { thread: "ses_1" },
      { thread: "ses_2", parentThread: "ses_1" },
      { id: "ses_1", turn: 1, parent_event_id: "e1", agent: "ses_2" },
      { id: "ses_1", turn: 2, parent_event_id: "e2", agent: "ses_2" },
    ],
    [
      "in a thread that goes by two names, as opencode since 1.18",
      { thread: "ses_1", conversation: "ses_1" },
      { thread: "ses_2", conversation: "ses_2", parentThread: "ses_1" },
      { id: "ses_1", turn: 1, parent_event_id: "e1", agent: "ses_2" },
      { id: "ses_1", turn: 2, parent_event_id: "e2", agent: "ses_2" },
    ],
  ])("%s", (_, ids, agentIds, first, second) => {
    const calls = new Calls();
    calls.place({ ...start, ids });
    const asked = user([
      { type: "text", text: "<reminder>" },
      { type: "text", text: prompt },
    ]);
    expect(calls.place({ messages: [asked], answer: "searching", ids: agentIds })).toEqual(first);
    expect(
      calls.place({ messages: [asked, model("searching"), user("go on")], answer: "found", ids: agentIds }),
    ).toEqual(second);
    const main = calls.place({ messages: goOn, answer: "done", ids });
    expect(main).toEqual({ id: first.id, turn: 2, parent_event_id: "e1" });
  });

  test("that is told in a form that only the provider reads, as Codex's", () => {
    const calls = new Calls();
    const sealed = "gAAAAABsealedsealedsealedsealedsealed";
    const ids = { conversation: "root", thread: "root" };
    calls.place({
      messages: [user("hi")],
      tools: [{ id: "c", name: "spawn_agent", arguments: { message: sealed } }],
      ids,
    });
    const told = [
      user([{ type: "input_text", text: "<environment_context>" }]),
      user([
        { type: "input_text", text: "Payload:" },
        { type: "encrypted_content", encrypted_content: sealed },
      ]),
    ];
    expect(
      calls.place({ messages: told, answer: "x", ids: { ...ids, thread: "child", parentThread: "root" } }),
    ).toEqual({ id: "root", turn: 1, parent_event_id: "e1", agent: "child" });
  });

  test("an agent's agent belongs to the same conversation", () => {
    const calls = new Calls();
    calls.place({ messages: [user("hi")], answer: "x", ids: { thread: "1" } });
    calls.place({ messages: [user("a")], answer: "x", ids: { thread: "2", parentThread: "1" } });
    expect(
      calls.place({ messages: [user("b")], answer: "x", ids: { thread: "3", parentThread: "2" } }),
    ).toEqual({
      id: "1",
      turn: 1,
      agent: "3",
    });
  });

  test("two at once, each by its prompt", () => {
    const calls = new Calls();
    const prompts = [
      "Read the tests and say what they leave out.",
      "Read the documents and say what is wrong.",
    ];
    const tools = prompts.map((text, n) => ({ id: `t${n}`, name: "Task", arguments: { prompt: text } }));
    calls.place({ messages: [user("hi")], tools });
    const placed = prompts.map((text) => calls.place({ messages: [user(text)], answer: "ok" }));
    expect(placed.map(({ agent, parent_event_id }) => [agent, parent_event_id])).toEqual([
      ["e2", "e1"],
      ["e3", "e1"],
    ]);
  });
});

test("10,000 calls of 50 sessions at once that all begin alike: no two are mixed, turns are in order", () => {
  const calls = new Calls();
  const [SESSIONS, TURNS] = [50, 200];
  const dialogues = Array.from({ length: SESSIONS }, (): Message[] => [system("You help."), user("Begin.")]);
  const ids = new Map<number, string>();
  for (let turn = 1; turn <= TURNS; turn += 1) {
    // Each round in another order, over a pool of connections that no session has for itself.
    for (let n = 0; n < SESSIONS; n += 1) {
      const session = (n * 7 + turn * 13) % SESSIONS;
      const messages = dialogues[session]!;
      const answer = `Answer ${turn} of ${session}.`;
      const placed = calls.place({ messages, answer, connection: String(n % 6) });
      if (turn === 1) ids.set(session, placed.id);
      if (placed.id !== ids.get(session) || placed.turn !== turn) {
        expect.fail(`turn ${turn} of session ${session} became ${JSON.stringify(placed)}`);
      }
      messages.push(model(answer), user("Go on."));
    }
  }
  expect(new Set(ids.values()).size).toBe(SESSIONS);
}, 600_000);
