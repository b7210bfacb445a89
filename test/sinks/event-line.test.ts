import { expect, test } from "vitest";
import { decodeBody, rawOf } from "../../src/interaction/decode.js";
import { eventLine } from "../../src/sinks/event-line.js";
import { sampleEvent } from "./sample-event.js";

const long = (text: string) => `${"word ".repeat(40)}${text}`;

function eventWith(content: string, raw?: unknown) {
  const request = {
    messages: [{ role: "user", content: [{ type: "text", text: content }] }],
    temperature: undefined,
  };
  return {
    ...sampleEvent(),
    interaction: {
      model: null,
      provider: null,
      type: "chat" as const,
      request: raw === undefined ? request : { ...request, _raw: raw },
    },
  };
}

test.each([
  "plain",
  'quoted "\\" and \\n',
  "lines\nof\r\ntext\tand $& $1",
  "\u0000\u001f\b\f\u2028é😀",
  "half a pair \ud83d",
])("a long text with %j is written as JSON.stringify would write it", (text) => {
  const event = eventWith(long(text));
  expect(eventLine(event)).toBe(`${JSON.stringify(event)}\n`);
});

function rawOfBody(type: string, text: string): unknown {
  const head = Buffer.from(text);
  return rawOf(decodeBody({ head, length: head.length, truncated: false }, [["content-type", type]]));
}

test("a body that came as JSON on one line is written as it came", () => {
  const body = '{"model": "m", "large": 12345678901234567890, "a": "\\u00e9"}';
  expect(eventLine(eventWith("x", rawOfBody("application/json", body)))).toContain(`"_raw":${body}}`);
});

test.each([
  ["application/json", '{\n  "a": 1,\r\n  "b": [2]\n}\n'],
  ["text/event-stream", 'data: {"a": 1}\n\ndata: [DONE]\n\nevent: x\ndata: {"b":\ndata: 2}\n\n'],
  ["text/event-stream", 'data: {"a": 1}\n\ndata: a "word"\n\n'],
  ["application/x-ndjson", '{"a":1}\n{"b":2}\n'],
])("a body of %s in several lines becomes one line: %j", (type, body) => {
  const raw = rawOfBody(type, body);
  const line = eventLine(eventWith("x", raw));
  expect(line.indexOf("\n")).toBe(line.length - 1);
  expect(JSON.parse(line).interaction.request._raw).toEqual(raw);
});
