import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type HeadRead,
  MAX_HEAD,
  readHttpHead,
  splitAuthority,
} from "../../../src/proxy/verdict/http-head.js";

const HEADS: Record<string, readonly [string, HeadRead]> = {
  "a request": ["GET / HTTP/1.1\r\nHost: api.openai.com\r\n\r\n", { kind: "http", host: "api.openai.com" }],
  "a request whose Host has a port": [
    "POST /api/chat HTTP/1.1\r\nhost:localhost:11434\r\n\r\n{}",
    { kind: "http", host: "localhost", port: 11434 },
  ],
  "a request with bare line feeds": [
    "GET / HTTP/1.1\nHost: a.example\n\n",
    { kind: "http", host: "a.example" },
  ],
  "HTTP/1.0 without Host": ["GET / HTTP/1.0\r\n\r\n", { kind: "http" }],
  "a Host that stands in the body": [
    "POST / HTTP/1.1\r\nA: b\r\n\r\nHost: evil.example\r\n",
    { kind: "http" },
  ],
  "a field whose name ends in host": ["GET / HTTP/1.1\r\nX-Host: x.example\r\n\r\n", { kind: "http" }],
  "two Hosts: the first": [
    "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
    { kind: "http", host: "a.example" },
  ],
  "the absolute form before the Host (RFC 9112 §3.2.2)": [
    "GET http://a.example:8080/x HTTP/1.1\r\nHost: b.example\r\n\r\n",
    { kind: "http", host: "a.example", port: 8080 },
  ],
  "a Host that is no authority": ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", { kind: "http" }],
  "a method with a dash": [
    "M-SEARCH * HTTP/1.1\r\nHost: a.example\r\n\r\n",
    { kind: "http", host: "a.example" },
  ],
  "HTTP/2 with prior knowledge": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", { kind: "http" }],
  "no byte yet": ["", { kind: "incomplete" }],
  "half a method": ["PO", { kind: "incomplete" }],
  "half a preface": ["PRI * HT", { kind: "incomplete" }],
  "half a request line": ["GET /very/lo", { kind: "incomplete" }],
  "fields whose Host has not come": ["GET / HTTP/1.1\r\nAccept: */*\r\n", { kind: "incomplete" }],
  "a Host that may go on": ["GET / HTTP/1.1\r\nHost: api.open", { kind: "incomplete" }],
  SSH: ["SSH-2.0-OpenSSH\r\n", { kind: "not_http" }],
  SMTP: ["EHLO a.example\r\n", { kind: "not_http" }],
  IRC: ["NICK ana\r\nUSER ana 0 * :Ana\r\n", { kind: "not_http" }],
  "HTTP/3 in words": ["GET / HTTP/3\r\n\r\n", { kind: "not_http" }],
  "a lower-case method": ["get / HTTP/1.1\r\n\r\n", { kind: "not_http" }],
  zeros: ["\0\0\0\0", { kind: "not_http" }],
  "a request line without end": [`GET /${"x".repeat(MAX_HEAD)}`, { kind: "not_http" }],
  "fields without end": [`GET / HTTP/1.1\r\nA: ${"x".repeat(MAX_HEAD)}`, { kind: "http" }],
};

test.each(Object.entries(HEADS))("reads %s", (_what, [text, read]) => {
  expect(readHttpHead(Buffer.from(text, "latin1"))).toEqual(read);
});

test("says of a request that comes in bytes what it says of the whole, and nothing else before", () => {
  const head = Buffer.from("POST /v1/x HTTP/1.1\r\nAccept: */*\r\nHost: a.example\r\n\r\n");
  const reads = Array.from(head, (_, at) => readHttpHead(head.subarray(0, at + 1)));
  const first = reads.findIndex(({ kind }) => kind !== "incomplete");
  for (const read of reads.slice(first)) expect(read).toEqual({ kind: "http", host: "a.example" });
});

test("never throws, whatever comes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readHttpHead(Buffer.from(bytes))));
  const words = fc.constantFrom(
    "GET",
    " ",
    "/",
    "HTTP/1.1",
    "\r",
    "\n",
    "Host:",
    "http://",
    "[::1]",
    ":",
    "PRI *",
  );
  fc.assert(fc.property(fc.array(words), (parts) => void readHttpHead(Buffer.from(parts.join("")))));
});

describe("an authority", () => {
  test.each([
    ["API.OpenAI.com", { host: "api.openai.com" }],
    ["a.example.", { host: "a.example" }],
    ["a.example:8080", { host: "a.example", port: 8080 }],
    ["a.example:", { host: "a.example" }],
    ["[::1]:11434", { host: "::1", port: 11434 }],
    ["[2001:DB8::1]", { host: "2001:db8::1" }],
    ["127.0.0.1:80", { host: "127.0.0.1", port: 80 }],
    ["a.example:65535", { host: "a.example", port: 65535 }],
    ["a.example:65536", undefined],
    ["a.example:0", undefined],
    ["user@a.example", undefined],
    ["::1", undefined],
    ["a b", undefined],
    ["", undefined],
  ])("%j is %j", (authority, split) => {
    expect(splitAuthority(authority)).toEqual(split);
  });
});
