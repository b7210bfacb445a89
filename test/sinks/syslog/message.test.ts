import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { fitting, LEFT_OUT } from "../../../src/sinks/syslog/fitting.js";
import { asciiJson, counted, type Header, messageOf } from "../../../src/sinks/syslog/message.js";
import { parseSyslogAddress } from "../../../src/user/syslog-settings.js";
import { parseMessage, splitFrames } from "./rfc5424.js";

const header: Header = {
  severity: "info",
  timestamp: "2026-01-09T19:56:26.420Z",
  hostName: "laptop-7",
  pid: 42,
  messageId: "call",
  version: "0.1.0",
  sequence: 1,
};

test("a message is written as RFC 5424 has it", () => {
  expect(messageOf(header, '{"a":1}').toString()).toBe(
    '<134>1 2026-01-09T19:56:26.420Z laptop-7 oximy 42 call [origin software="oximy" swVersion="0.1.0"][meta sequenceId="1"] {"a":1}',
  );
});

it.each<[string, Partial<Header>, object]>([
  ["its priority", { severity: "warning" }, { facility: 16, severity: 4 }],
  ["another priority", { severity: "notice" }, { facility: 16, severity: 5 }],
  ["no time, when that is none", { timestamp: "today] " }, { timestamp: null }],
  ["no host, when that has no name", { hostName: "" }, { hostName: null }],
  ["a host in ASCII without spaces", { hostName: "bü ro\n1" }, { hostName: "b??ro?1" }],
  ["a host of 255 characters at most", { hostName: "h".repeat(300) }, { hostName: "h".repeat(255) }],
  [
    "what is escaped in data",
    { version: 'a"b]c\\' },
    { data: { origin: { software: "oximy", swVersion: 'a"b]c\\' }, meta: { sequenceId: "1" } } },
  ],
  ["a number that begins again after 2^31-1", { sequence: 2 ** 31 }, { data: { meta: { sequenceId: "1" } } }],
])("has %s", (_name, fields, expected) => {
  expect(parseMessage(messageOf({ ...header, ...fields }, "{}"))).toMatchObject(expected);
});

test("JSON is ASCII, so that no mark of bytes goes before it, and says the same", () => {
  const value = { text: "Grüße 👋 \u2028\u202e\u007f\n\u0000]", ключ: "值" };
  const { text } = parseMessage(messageOf(header, asciiJson(value)));
  expect(text).toMatch(/^\{[\x20-\x7e]*\}$/);
  expect(JSON.parse(text)).toEqual(value);
});

test("whatever is in it, a message parses and its frame holds it", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "binary" }),
      fc.jsonValue(),
      (hostName, version, value) => {
        const message = messageOf(
          { ...header, hostName, version: version.replace(/[^\x20-\x7e]/g, "") },
          asciiJson(value),
        );
        const { messages, rest } = splitFrames(Buffer.concat([counted(message), counted(message)]));
        expect(messages.map((found) => JSON.parse(parseMessage(found).text))).toEqual(
          Array(2).fill(JSON.parse(JSON.stringify(value))),
        );
        expect(rest).toHaveLength(0);
      },
    ),
    { numRuns: 200 },
  );
});

describe("a body that must fit", () => {
  it.each<[string, object, number, object]>([
    ["stays as it is when it does", { a: "1" }, 9, { a: "1" }],
    [
      "loses its longest member, and says so",
      { a: "1", b: "2".repeat(90) },
      60,
      { a: "1", [LEFT_OUT]: ["b"] },
    ],
    [
      "loses members of members",
      { a: { b: "2".repeat(90), c: 3 } },
      60,
      { a: { c: 3 }, [LEFT_OUT]: ["a.b"] },
    ],
    [
      "says only that it did where the names are too long",
      { a: "1", ["n".repeat(90)]: "2".repeat(90) },
      40,
      { a: "1", [LEFT_OUT]: true },
    ],
  ])("%s", (_name, body, most, expected) => {
    const json = fitting(body as Record<string, unknown>, most, asciiJson);
    expect(JSON.parse(json)).toEqual(expected);
    expect(json.length).toBeLessThanOrEqual(most);
  });
});

it.each([
  ["tcp://logs.example", { kind: "tcp", host: "logs.example", port: 514 }],
  ["tls://logs.example", { kind: "tls", host: "logs.example", port: 6514 }],
  ["TLS://10.0.0.1:99/", { kind: "tls", host: "10.0.0.1", port: 99 }],
  ["udp://[::1]:5514", { kind: "udp", host: "::1", port: 5514 }],
  ["unix:/dev/log", { kind: "unix", path: "/dev/log" }],
  ["unix:///run/systemd/journal/dev-log", { kind: "unix", path: "/run/systemd/journal/dev-log" }],
  ["unix:dev/log", undefined],
  ["unix:/dev/", undefined],
  ["tcp://logs.example:0", undefined],
  ["tcp://logs.example:70000", undefined],
  ["tcp://user@logs.example", undefined],
  ["tcp://logs.example/path", undefined],
  ["http://logs.example", undefined],
  ["logs.example:514", undefined],
])("%s is an address, or none", (text, expected) => {
  expect(parseSyslogAddress(text)).toEqual(expected);
});
