import { expect, test } from "vitest";
import { EventMessages } from "../../src/interaction/mcp/event-messages.js";

const bytes = (text: string) => Buffer.from(text);
const result = (id: number, text = "größer €😀") => JSON.stringify({ jsonrpc: "2.0", id, result: { text } });

/** Ids of the messages that a stream gives in pieces of some size, with those that come only at its end. */
function idsOf(stream: string, size: number, max = 1_000): unknown[] {
  const reader = new EventMessages(max);
  const all = bytes(stream);
  const found = [];
  for (let at = 0; at < all.length; at += size) {
    // As the capture thread gives it: a Buffer, whose slice is no copy.
    const piece = Buffer.from(all.subarray(at, at + size));
    found.push(...reader.push(piece));
    piece.fill(0xaa);
  }
  const told = found.map(({ message, isCut }) => [message, isCut] as const);
  const last = reader.end().map(({ message, isCut }) => [message, isCut] as const);
  const idOf = ([message, isCut]: (typeof told)[number]) =>
    `${message.kind === "notification" ? message.method : message.id}${isCut ? " cut" : ""}`;
  return [...told.map(idOf), ...last.map((each) => `${idOf(each)} at the end`)];
}

const pretty = (id: number) =>
  JSON.stringify(JSON.parse(result(id)), undefined, 1).replaceAll("\n", "\ndata: ");

test.each<[string, string, string[]]>([
  ["lines that end in LF", `event: message\ndata: ${result(1)}\n\ndata:${result(2)}\n\n`, ["1", "2"]],
  ["lines that end in CR LF", `id: 7\r\ndata: ${result(1)}\r\n\r\ndata: ${result(2)}\r\n\r\n`, ["1", "2"]],
  ["lines that end in CR", `data: ${result(1)}\r\rdata: ${result(2)}\r\r`, ["1 at the end", "2 at the end"]],
  ["a message over many lines", `data: ${pretty(1)}\n\ndata: ${pretty(2)}\n\n`, ["1", "2"]],
  ["a mark of the byte order", `\uFEFFdata: ${result(1)}\n\n`, ["1"]],
  ["no empty lines", `data: ${result(1)}\ndata: ${result(2)}\n`, ["1", "2"]],
  ["a batch", `data: [${result(1)},${result(2)}]\n\n`, ["1", "2"]],
  ["what is no message", `: ping\n\nevent: endpoint\ndata: /messages?id=5\n\ndata: ${result(1)}\n\n`, ["1"]],
  ["no end", `data: ${result(1)}\n\ndata: ${result(2)}`, ["1", "2 at the end"]],
  ["the end of a message alone", `${result(1).slice(20)}\n\ndata: ${result(2)}\n\n`, ["2"]],
  [
    "messages that are too long",
    `data: ${result(1, "x".repeat(2_000))}\n\ndata: ${JSON.stringify({ method: "a", params: "x".repeat(2_000) })}\n\ndata: ${result(3)}\n\n`,
    ["1 cut", "a cut", "3"],
  ],
])("a stream with %s gives the same in pieces of any size", (_, stream, expected) => {
  for (const size of [1, 2, 7, 64, 100_000]) expect(idsOf(stream, size)).toEqual(expected);
});

test("what is kept of a message that has not ended has a bound, on one line or on many", () => {
  const reader = new EventMessages(10_000);
  let most = 0;
  for (let at = 0; at < 100; at++) {
    reader.push(bytes(at === 0 ? 'data: {"id":1,"result":"' : "x".repeat(1_000)));
    most = Math.max(most, reader.waiting);
  }
  expect(most).toBeLessThanOrEqual(10_000);
  expect(reader.push(bytes('"}\n\n'))).toMatchObject([{ message: { id: 1 }, isCut: true }]);
  for (let at = 0; at < 100; at++) {
    reader.push(bytes(`data: ${"x".repeat(1_000)}\n`));
    most = Math.max(most, reader.waiting);
  }
  expect(most).toBeLessThanOrEqual(11_000);
});

test("a message that is given up takes nothing of the next with it", () => {
  const reader = new EventMessages(10_000);
  reader.push(bytes(`data: ${result(1).slice(0, 20)}`));
  reader.skip();
  expect(reader.waiting).toBe(0);
  expect(reader.push(bytes(`${result(1).slice(20)}\n\ndata: ${result(2)}\n\n`))).toMatchObject([
    { message: { id: 2 } },
  ]);
});
