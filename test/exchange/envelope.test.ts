import { once } from "node:events";
import http2 from "node:http2";
import { text } from "node:stream/consumers";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createHttp1Reader } from "../../src/exchange/http1.js";
import { createReport, LIMITS, play } from "./recording.js";
import { listen, startRelay } from "./relayed.js";

function envelope(flags: number, message: Uint8Array | string): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, Buffer.from(message as string)]);
}

/** The messages of a request with this type and body. */
function messagesOf(fields: string, body: Buffer, maxBody = LIMITS.maxBody): string[] {
  const report = createReport();
  const reader = createHttp1Reader({ scheme: "https", limits: { ...LIMITS, maxBody } }, report.handlers);
  play(reader, [
    ["request", `POST / HTTP/1.1\r\n${fields}\r\nContent-Length: ${body.length}\r\n\r\n`],
    ["request", body],
  ]);
  expect(report.gaveUp).toEqual([]);
  return report.messages.map(
    ({ message }) => `${message.kind} ${message.data}${message.truncated ? "…" : ""}`,
  );
}

describe("the messages of a stream with envelopes", () => {
  it.each([
    ["Content-Type: application/grpc", "binary"],
    ["Content-Type: application/grpc+proto", "binary"],
    ["Content-Type: application/grpc-web+proto; x=y", "binary"],
    ["Content-Type: application/connect+json", "text"],
  ])("are given for %s, up to the end of the stream", (fields, kind) => {
    expect(
      messagesOf(fields, Buffer.concat([envelope(0, "one"), envelope(0, ""), envelope(2, "end")])),
    ).toEqual([`${kind} one`, `${kind} `]);
  });

  it.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ])("are decompressed from %s", (coding, compress) => {
    const fields = `Content-Type: application/connect+proto\r\nConnect-Content-Encoding: ${coding}`;
    const body = Buffer.concat([envelope(1, compress("squeezed")), envelope(0, "plain")]);
    expect(messagesOf(fields, body)).toEqual(["binary squeezed", "binary plain"]);
  });

  it("are cut when they are too long, and empty when they cannot be decompressed", () => {
    const fields = "Content-Type: application/grpc\r\nGrpc-Encoding: gzip";
    const bomb = gzipSync(Buffer.alloc(100_000));
    const body = Buffer.concat([
      envelope(0, "x".repeat(2000)),
      envelope(1, bomb),
      envelope(1, "not gzip"),
      envelope(0, "ok"),
    ]);
    expect(messagesOf(fields, body, 1000)).toEqual([
      `binary ${"x".repeat(1000)}…`,
      "binary …",
      "binary …",
      "binary ok",
    ]);
    expect(messagesOf(fields.replace("gzip", "snappy"), envelope(1, "?"))).toEqual(["binary …"]);
  });

  it("are not given for other types, nor for what has no envelopes in it", () => {
    expect(messagesOf("Content-Type: application/json", envelope(0, "one"))).toEqual([]);
    expect(messagesOf("Content-Type: application/grpc-web-text", envelope(0, "one"))).toEqual([]);
    expect(messagesOf("Content-Type: application/grpc", Buffer.from('{"not":"enveloped"}'))).toEqual([]);
  });

  it("come while the stream of a real HTTP/2 client lives", async () => {
    const server = http2.createServer();
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.pipe(stream);
    });
    const relay = await startRelay(await listen(server));
    const client = http2.connect(`http://127.0.0.1:${relay.port}`);
    const stream = client.request({
      ":method": "POST",
      ":path": "/chat",
      "content-type": "application/grpc",
    });
    const seen = () => relay.report.messages.map(({ message }) => `${message.direction} ${message.data}`);
    stream.write(envelope(0, "hi"));
    await once(stream, "data");
    expect(seen()).toEqual(["request hi", "response hi"]);
    expect(relay.report.exchanges).toEqual([]);
    stream.end(envelope(0, "bye"));
    await text(stream);
    client.close();
    server.close();
    await relay.close();
    expect(seen()).toEqual(["request hi", "response hi", "request bye", "response bye"]);
    expect(relay.report.exchanges[0]?.response?.trailers).toEqual([["grpc-status", "0"]]);
  });
});
