import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Body, Fields } from "../../src/exchange/exchange.js";
import { decodeBody, rawOf } from "../../src/interaction/decode.js";
import { sourceOf } from "../../src/interaction/json-source.js";

function body(head: Buffer | string, cut?: { tail?: Buffer; length: number }): Body {
  const bytes = Buffer.from(head);
  return cut
    ? { head: bytes, ...(cut.tail && { tail: cut.tail }), length: cut.length, truncated: true }
    : { head: bytes, length: bytes.length, truncated: false };
}

function typed(contentType: string, ...codings: string[]): Fields {
  return [["Content-Type", contentType], ...codings.map((coding) => ["content-encoding", coding] as const)];
}

const json = JSON.stringify({ model: "m", text: "Grüße 🌍", list: [1, 2, { three: 3 }] });
/** `{"a":"zstd zstd zstd zstd"}`, packed by the zstd command. */
const zstd = Buffer.from("28b52ffd04589d0000687b2261223a227a73746420227d0100908b177239a129", "hex");

describe("content codings", () => {
  test.each([
    ["gzip", gzipSync(json)],
    ["x-gzip", gzipSync(json)],
    ["deflate", deflateSync(json)],
    ["deflate", deflateRawSync(json)],
    ["br", brotliCompressSync(json)],
    ["identity", Buffer.from(json)],
    ["gzip, br", brotliCompressSync(gzipSync(json))],
  ])("%s is undone", (coding, bytes) => {
    const decoded = decodeBody(body(bytes), typed("application/json", coding));
    expect(decoded).toEqual({ kind: "json", value: JSON.parse(json), truncated: false });
  });

  test("zstd whose blocks are nothing but work is refused, and so is a window that a later frame asks for", () => {
    const fields = typed("application/json", "zstd");
    const header = (window: number) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, window << 3]);
    const nothing = Buffer.from([0x00, 0x00, 0x00]);
    const last = Buffer.from([0x01, 0x00, 0x00]);
    const idle = Buffer.concat([header(15), ...Array(50_000).fill(nothing)]);
    const later = Buffer.concat([header(11), last, header(20), nothing]);
    for (const bytes of [idle, later]) {
      expect(decodeBody(body(bytes), fields)).toMatchObject({ kind: "undecodable", reason: "bomb_zstd" });
    }
  });

  test("zstd is undone, and a window that nobody needs is refused", () => {
    const fields = typed("application/json", "zstd");
    expect(rawOf(decodeBody(body(zstd), fields))).toEqual({ a: "zstd zstd zstd zstd" });
    const greedy = Buffer.from("28b52ffd00f8", "hex");
    expect(decodeBody(body(greedy), fields)).toMatchObject({ kind: "undecodable", reason: "bomb_zstd" });
  });

  test("codings in two fields are undone last one first", () => {
    const decoded = decodeBody(
      body(brotliCompressSync(gzipSync(json))),
      typed("application/json", "gzip", "br"),
    );
    expect(rawOf(decoded)).toEqual(JSON.parse(json));
  });

  test("packed input that stops early gives what could be unpacked", () => {
    const stream = Array.from(
      { length: 500 },
      (_, index) => `data: {"n":${index},"r":"${Math.random()}"}\n\n`,
    ).join("");
    for (const [coding, pack] of [
      ["gzip", gzipSync],
      ["deflate", deflateSync],
      ["br", brotliCompressSync],
    ] as const) {
      const packed = pack(stream);
      const decoded = decodeBody(
        body(packed.subarray(0, packed.length >> 1), { length: packed.length }),
        typed("text/event-stream", coding),
      );
      const raw = rawOf(decoded) as unknown[];
      expect(raw.length, coding).toBeGreaterThan(10);
      expect(raw[3]).toMatchObject({ n: 3 });
    }
  });

  test("a body that says it is packed and is plain text is read as text", () => {
    expect(rawOf(decodeBody(body(json), typed("application/json", "gzip")))).toEqual(JSON.parse(json));
  });

  test("the length of a sound or picture is that of what was packed", () => {
    const sound = Buffer.from("4944330400000000", "hex");
    expect(decodeBody(body(gzipSync(sound)), typed("audio/mpeg", "gzip"))).toMatchObject({
      kind: "binary",
      length: sound.length,
    });
  });

  test("gzip that no field announces is seen", () => {
    expect(rawOf(decodeBody(body(gzipSync(json)), typed("application/json")))).toEqual(JSON.parse(json));
  });

  test("a bomb is unpacked up to the bound and no further", () => {
    const bomb = gzipSync(Buffer.alloc(48 << 20, 0x20));
    const decoded = decodeBody(body(bomb), typed("text/plain", "gzip"));
    expect(decoded).toMatchObject({ kind: "text", truncated: true });
    expect((rawOf(decoded) as string).length).toBeLessThanOrEqual(32 << 20);
  });

  test("unknown and corrupt codings are said", () => {
    expect(decodeBody(body("\x01\x02"), typed("application/json", "compress"))).toMatchObject({
      kind: "undecodable",
      reason: "unknown_coding:compress",
    });
    expect(decodeBody(body("\x01\x02\x03"), typed("application/json", "gzip"))).toMatchObject({
      kind: "undecodable",
      reason: "corrupt_gzip",
    });
  });
});

describe("what a body is", () => {
  test("JSON whose end is missing gives what is there", () => {
    const decoded = decodeBody(
      body('{"model":"m","messages":[{"role":"user","content":"Hel'),
      typed("application/json"),
    );
    expect(decoded).toEqual({
      kind: "json",
      value: { model: "m", messages: [{ role: "user", content: "Hel" }] },
      truncated: true,
    });
  });

  test("prose that begins with a bracket is text", () => {
    expect(decodeBody(body("[500] upstream failed [see log"), typed("text/plain"))).toMatchObject({
      kind: "text",
    });
    expect(decodeBody(body("{not json"), [])).toMatchObject({ kind: "text" });
  });

  test("JSON that is nested without end is not taken apart", () => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const deep = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
      expect(decodeBody(body(deep), typed("application/json"))).toMatchObject({ kind: "text" });
      expect(decodeBody(body(deep.slice(0, 150_000)), typed("application/json"))).toMatchObject({
        kind: "text",
      });
      expect(decodeBody(body(`data: ${deep}\n\n`), typed("text/event-stream"))).toMatchObject({
        chunks: [{ data: deep }],
      });
    }
    const brackets = JSON.stringify({ text: '[{"'.repeat(5000) });
    expect(decodeBody(body(brackets), typed("application/json"))).toMatchObject({ kind: "json" });
  });

  test("event streams are read with CR, LF, CRLF, without space, over several lines, with names", () => {
    const text = 'data:{"a":1}\r\n\r\n: comment\n\nevent: x\rdata: {\rdata: "b":2}\r\rdata: [DONE]';
    expect(decodeBody(body(text), typed("text/event-stream"))).toEqual({
      kind: "stream",
      format: "sse",
      truncated: false,
      chunks: [{ data: { a: 1 } }, { event: "x", data: { b: 2 } }, { data: "[DONE]" }],
    });
  });

  test("an event stream is known by its look, and JSON where a stream was announced", () => {
    expect(decodeBody(body('data: {"a":1}\n\n'), typed("application/json"))).toMatchObject({ format: "sse" });
    expect(decodeBody(body('{"error":{"message":"no"}}'), typed("text/event-stream"))).toMatchObject({
      kind: "json",
    });
    expect(decodeBody(body('{"a":1}'), [])).toMatchObject({ kind: "json" });
  });

  test.each([
    ["ndjson", '{"a":1}\n{"a":"}{"}\n{"a":3}\n'],
    ["concatenated", '{"a":1}{"a":"}{"}{"a":3}'],
    ["concatenated", '{"a":1}-----BOUNDARY-----{"a":"}{"}-----BOUNDARY-----{"a":3}'],
  ])("%s is read value by value", (format, text) => {
    expect(decodeBody(body(text), [])).toEqual({
      kind: "stream",
      format,
      truncated: false,
      chunks: [{ data: { a: 1 } }, { data: { a: "}{" } }, { data: { a: 3 } }],
    });
  });

  test("length-prefixed arrays behind an anti-hijack prefix are read", () => {
    const text = `)]}'\n\n13\n[["a","🌍"]]\n12\n[["b","\\"]"]]\n`;
    expect(decodeBody(body(text), typed("application/json; charset=utf-8"))).toMatchObject({
      format: "length_prefixed",
      chunks: [{ data: [["a", "🌍"]] }, { data: [["b", '"]']] }],
    });
  });

  test("forms and multipart forms are read, files by reference", () => {
    expect(rawOf(decodeBody(body("a=1&b=2&b=3"), typed("application/x-www-form-urlencoded")))).toEqual({
      a: "1",
      b: ["2", "3"],
    });
    const form =
      '--X\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n' +
      '--X\r\nContent-Disposition: form-data; name="file"; filename="a;b.mp3"\r\nContent-Type: audio/mpeg\r\n\r\nabc\r\n--X--\r\n';
    expect(decodeBody(body(form), typed("multipart/form-data; boundary=X"))).toEqual({
      kind: "multipart",
      truncated: false,
      parts: [
        { name: "model", text: "whisper-1" },
        {
          name: "file",
          filename: "a;b.mp3",
          mediaType: "audio/mpeg",
          media: {
            type: "audio",
            media_type: "audio/mpeg",
            size: 3,
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
          },
        },
      ],
    });
  });

  test("charsets are obeyed, and bytes that are no text stay binary", () => {
    expect(
      rawOf(
        decodeBody(
          body(Buffer.from('{"a":"\xe9"}', "latin1")),
          typed("application/json; charset=iso-8859-1"),
        ),
      ),
    ).toEqual({ a: "é" });
    expect(decodeBody(body(Buffer.from([0, 255, 254, 1])), [])).toMatchObject({ kind: "binary", length: 4 });
    expect(decodeBody(body(Buffer.from([137, 80])), typed("image/png"))).toEqual({
      kind: "binary",
      length: 2,
      mediaType: "image/png",
      truncated: false,
    });
  });
});

describe("a body cut in the middle", () => {
  test("a stream gives the whole events of both ends", () => {
    const head = Buffer.from('data: {"n":1}\n\ndata: {"n":2}\n\ndata: {"n":');
    const tail = Buffer.from('4}\n\ndata: {"n":5}\n\ndata: [DONE]\n\n');
    const decoded = decodeBody(body(head, { tail, length: 900 }), typed("text/event-stream"));
    expect(decoded).toMatchObject({ kind: "stream", truncated: true });
    expect((rawOf(decoded) as unknown[]).filter((data) => typeof data === "object")).toEqual([
      { n: 1 },
      { n: 2 },
      { n: 5 },
    ]);
  });
});

describe("event streams as some servers write them", () => {
  const chunksOf = (text: string) => {
    const decoded = decodeBody(body(text), typed("text/event-stream"));
    return decoded.kind === "stream" ? decoded.chunks.map(({ data }) => data) : decoded;
  };

  test.each([
    // github.com/rexxars/eventsource-parser/issues/31: GLM and Kimi
    ["no empty lines at all", 'data: {"a":1}\ndata: {"a":2}\ndata: [DONE]\n', [{ a: 1 }, { a: 2 }, "[DONE]"]],
    [
      "the last one right before [DONE]",
      'data: {"a":1}\n\ndata: {"a":2}\ndata: [DONE]\n\n',
      [{ a: 1 }, { a: 2 }, "[DONE]"],
    ],
    ["one JSON over several lines", 'data: {\ndata: "a": [1,\ndata: 2]}\n\n', [{ a: [1, 2] }]],
    ["prose over several lines", "data: one\ndata: two\n\n", ["one\ntwo"]],
    [
      "Python's NaN and Infinity",
      'data: {"a":NaN,"b":[-Infinity],"c":"NaN, \\"NaN\\""}\n\n',
      [{ a: null, b: [null], c: 'NaN, "NaN"' }],
    ],
  ])("%s", (_, text, expected) => expect(chunksOf(text)).toEqual(expected));

  test("what stands beside the event says the same as its chunks, NaN too", () => {
    const decoded = decodeBody(body('data: {"a":NaN}\n\ndata: {"b":1}\n\n'), typed("text/event-stream"));
    expect(eventLineOf(rawOf(decoded))).toEqual([{ a: null }, { b: 1 }]);
  });
});

function eventLineOf(raw: unknown): unknown {
  const source = sourceOf(raw as object);
  return JSON.parse(source ?? JSON.stringify(raw));
}
