import { expect, test } from "vitest";
import { LearnedFacts } from "../../../src/proxy/verdict/learned-facts.js";
import { TrustBook } from "../../../src/proxy/verdict/trust-book.js";
import { client, factsFile, program } from "../trust-rig.js";

const HOST = "api.openai.com";
const DAY = 86_400_000;
const PYTHON = program("agent.py");
const CURL = program("curl", "trusts");
const SILENT = { kind: "left_after_certificate" } as const;

function setUp(settleMs = 3_600_000) {
  const file = factsFile();
  const refused: string[] = [];
  const clock = { now: Date.now() };
  const open = () =>
    new TrustBook({
      facts: new LearnedFacts(file, () => clock.now),
      onRefused: ({ program }, host, how) => refused.push(`${program?.name} ${host} ${how}`),
      settleMs,
      now: () => clock.now,
    });
  return { book: open(), open, refused, clock };
}

test("one trial at a time, and the alert ends all trials of the program, over restarts", async () => {
  const { book, open, refused } = setUp();
  const attempt = book.begin(client(1, PYTHON), HOST, "trial");
  expect(book.standing(PYTHON)).toBe("trying");
  attempt.shown();
  expect(await attempt.end({ kind: "alert", alert: "unknown ca" })).toEqual({
    kind: "refused",
    how: "unknown ca",
  });
  expect(book.standing(PYTHON)).toBe("refused");
  expect(open().standing(PYTHON)).toBe("refused");
  expect(refused).toEqual([`agent.py ${HOST} unknown ca`]);
});

test("another script of the same interpreter is another program", async () => {
  const { book } = setUp();
  await book.begin(client(1, PYTHON), HOST, "trial").end({ kind: "alert", alert: "unknown ca" });
  expect(book.standing(program("other.py"))).toBe("untried");
});

test("a trial that is under way when everything ends is used up", () => {
  const { book, open } = setUp();
  book.begin(client(1, PYTHON), HOST, "trial").shown();
  expect(open().standing(PYTHON)).toBe("tried");
});

test("a trial that showed no certificate is not used up", async () => {
  const { book } = setUp();
  await book.begin(client(1, PYTHON), HOST, "trial").end({ kind: "inconclusive" });
  expect(book.standing(PYTHON)).toBe("untried");
});

test("a success is remembered for programs of which nothing was known", () => {
  const { book, open } = setUp();
  const attempt = book.begin(client(1, PYTHON), HOST, "trial");
  attempt.shown();
  attempt.succeeded();
  expect(book.standing(PYTHON)).toBe("accepted");
  expect(open().standing(PYTHON)).toBe("accepted");
});

test("a silent end is a refusal when nothing clears it", async () => {
  const { book } = setUp(0);
  const attempt = book.begin(client(1, PYTHON), HOST, "trial");
  attempt.shown();
  expect(await attempt.end(SILENT)).toEqual({ kind: "refused", how: "closed after our certificate" });
  expect(book.standing(PYTHON)).toBe("refused");
});

test("while a silent end is judged, the program is left alone", async () => {
  const { book } = setUp();
  const judged = book.begin(client(1, CURL), HOST, "trusted").end(SILENT);
  expect(book.standing(CURL)).toBe("trying");
  book.settle();
  expect(await judged).toMatchObject({ kind: "refused" });
  expect(book.standing(CURL)).toBe("refused");
});

test("a success of the same process clears a silent end", async () => {
  const { book, refused } = setUp();
  const used = book.begin(client(1, CURL), HOST, "trusted");
  const surplus = book.begin(client(1, CURL), HOST, "trusted").end({ kind: "left_unused" });
  used.succeeded();
  expect(await surplus).toEqual({ kind: "inconclusive" });
  expect(book.standing(CURL)).toBe("untried");
  expect(refused).toEqual([]);
});

test("a success of another process does not", async () => {
  const { book } = setUp();
  const surplus = book.begin(client(1, CURL), HOST, "trusted").end({ kind: "left_unused" });
  book.begin(client(2, CURL), HOST, "trusted").succeeded();
  book.settle();
  expect(await surplus).toMatchObject({ kind: "refused" });
});

test("after a success, silent ends of the process teach nothing", async () => {
  const { book } = setUp();
  const used = book.begin(client(1, CURL), HOST, "trusted");
  used.succeeded();
  await used.end({ kind: "inconclusive" });
  expect(await book.begin(client(1, CURL), HOST, "trusted").end(SILENT)).toEqual({ kind: "inconclusive" });
});

test("what was learned is void when what the prediction stands on changes, and after a month", async () => {
  const { book, clock } = setUp();
  await book.begin(client(1, PYTHON), HOST, "trial").end({ kind: "alert", alert: "unknown ca" });
  expect(book.standing(program("agent.py", "unknown", "the store has it now"))).toBe("untried");
  clock.now += 31 * DAY;
  expect(book.standing(PYTHON)).toBe("untried");
});

test("a client whose program is not known teaches nothing", async () => {
  const { book, refused } = setUp();
  const { owner } = client(1, PYTHON);
  expect(
    await book.begin({ owner }, HOST, "trusted").end({ kind: "alert", alert: "unknown ca" }),
  ).toMatchObject({
    kind: "refused",
  });
  expect(refused).toEqual([]);
});
