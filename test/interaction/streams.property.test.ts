import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createConnectionReader } from "../../src/exchange/connection.js";
import { DEFAULT_LIMITS, type Exchange, type Fields } from "../../src/exchange/exchange.js";
import type { Interaction } from "../../src/interaction/interaction.js";
import { readInteraction } from "../../src/interaction/read.js";
import { PARSERS } from "./exchanges.js";
import { bytesOf, decodedOf, loadTranscripts, providerOf, type Transcript } from "./transcripts.js";

const streamed = loadTranscripts().filter(
  ({ response }) => response?.events ?? response?.lines ?? response?.amazon ?? response?.text,
);
const rows = streamed.map((transcript) => [transcript.title, transcript] as const);

function read(transcript: Transcript, bytes: Buffer, ...codings: string[]): Interaction | undefined {
  const fields: Fields = [
    ["content-type", transcript.response!.type],
    ...codings.map((coding) => ["content-encoding", coding] as const),
  ];
  const provider = providerOf(transcript);
  const { feature } = transcript;
  return readInteraction(decodedOf(transcript, { bytes, fields }), {
    parsers: PARSERS,
    ...(provider && { provider }),
    ...(feature && { feature }),
  });
}

/** A zstd frame of one uncompressed block (RFC 8878 §3.1.1), for want of a compressor on Node 20. */
function zstdFrame(content: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(0xfd2fb528, 0);
  header[4] = 0xa0; // single segment, size of the content in four bytes
  header.writeUInt32LE(content.length, 5);
  header.writeUIntLE((content.length << 3) | 1, 9, 3);
  return Buffer.concat([header, content]);
}

describe("a stream gives the same interaction in each content coding", () => {
  const pack = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdFrame };
  test.each(rows)("%s", (_, transcript) => {
    const bytes = bytesOf(transcript.response);
    for (const [coding, packed] of Object.entries(pack)) {
      expect(read(transcript, packed(bytes), coding), coding).toEqual(transcript.expected);
    }
    expect(read(transcript, deflateRawSync(bytes), "deflate"), "raw deflate").toEqual(transcript.expected);
    expect(read(transcript, brotliCompressSync(gzipSync(bytes)), "gzip", "br"), "stacked").toEqual(
      transcript.expected,
    );
  });
});

/** The exchange that the reader of HTTP/1 sees when the response arrives in these pieces. */
function exchangeOf(transcript: Transcript, pieces: readonly Buffer[]): Exchange | undefined {
  let seen: Exchange | undefined;
  const reader = createConnectionReader(
    { scheme: "https", protocol: "http/1.1", limits: DEFAULT_LIMITS },
    { onExchange: (exchange) => (seen = exchange), onGiveUp: () => undefined },
  );
  const question = bytesOf(transcript.request);
  const head = `POST ${transcript.path} HTTP/1.1\r\nhost: ${transcript.host}\r\ncontent-length: ${question.length}\r\n\r\n`;
  reader.push("request", Buffer.concat([Buffer.from(head), question]), 1);
  for (const piece of pieces) reader.push("response", piece, 2);
  reader.close("ended", 3);
  return seen;
}

describe("a stream gives the same interaction wherever it is cut into packets", () => {
  test.each(rows)("%s", (_, transcript) => {
    const bytes = bytesOf(transcript.response);
    const chunk = Buffer.concat([
      Buffer.from(`${bytes.length.toString(16)}\r\n`),
      bytes,
      Buffer.from("\r\n0\r\n\r\n"),
    ]);
    const head = `HTTP/1.1 200 OK\r\ncontent-type: ${transcript.response!.type}\r\ntransfer-encoding: chunked\r\n\r\n`;
    const wire = Buffer.concat([Buffer.from(head), chunk]);
    const body = (pieces: readonly Buffer[]) =>
      exchangeOf(transcript, pieces)?.response?.body.head ?? Buffer.alloc(0);
    for (let at = 1; at < wire.length; at++) {
      // Reading is a function of these bytes: where they are equal, so is the interaction.
      if (!body([wire.subarray(0, at), wire.subarray(at)]).equals(bytes))
        expect.fail(`differs when cut at ${at}`);
    }
    const single = Array.from(wire, (byte) => Buffer.of(byte));
    expect(read(transcript, body(single))).toEqual(transcript.expected);
  });
});

describe("a stream that breaks off at any byte gives a start of what was said", () => {
  test.each(rows)("%s", (_, transcript) => {
    const bytes = bytesOf(transcript.response);
    const whole = transcript.expected.response ?? {};
    for (let at = 0; at < bytes.length; at++) {
      const response = read(transcript, bytes.subarray(0, at))?.response;
      for (const field of ["content", "reasoning"] as const) {
        const part = response?.[field] ?? "";
        if (!(whole[field] ?? "").startsWith(part)) expect.fail(`${field} is ${part} when cut at ${at}`);
      }
    }
  });
});

describe("a packed stream that breaks off gives a start of what was said", () => {
  test.each(rows)("%s", (_, transcript) => {
    for (const [coding, pack] of [
      ["gzip", gzipSync],
      ["br", brotliCompressSync],
      ["deflate", deflateSync],
    ] as const) {
      const packed = pack(bytesOf(transcript.response));
      for (let at = 0; at < packed.length; at += 13) {
        const content = read(transcript, packed.subarray(0, at), coding)?.response?.content ?? "";
        expect(
          (transcript.expected.response?.content ?? "").startsWith(content),
          `${coding} cut at ${at}`,
        ).toBe(true);
      }
    }
  });
});
