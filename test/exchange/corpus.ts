import { deflateRawSync } from "node:zlib";
import type { ConnectionOptions } from "../../src/exchange/connection.js";
import { data, FLAG, frame, GET, headers, OPENING, ok, POST } from "./http2-bytes.js";
import type { Step } from "./recording.js";

/** Whole connections that between them use every part of the readers. */
export const CORPUS: ReadonlyArray<{
  readonly name: string;
  readonly protocol?: ConnectionOptions["protocol"];
  readonly steps: readonly Step[];
}> = [
  { name: "HTTP/1", steps: http1() },
  { name: "an HTTP/1 response until close", protocol: "http/1.1", steps: untilClose() },
  { name: "HTTP/2", protocol: "h2", steps: http2() },
  { name: "HTTP/2 with Huffman codes and a dynamic table", steps: hpack() },
  { name: "a WebSocket", steps: webSocket() },
  { name: "a gRPC stream", protocol: "h2", steps: grpc() },
  { name: "a WebSocket over HTTP/2", protocol: "h2", steps: webSocketOverHttp2() },
];

function http1(): Step[] {
  return [
    [
      "request",
      "POST /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ["response", "HTTP/1.1 100 Continue\r\n\r\n"],
    ["request", "3;x=y\r\nabc\r\n1e\r\n012345678901234567890123456789\r\n0\r\nT: 1\r\n\r\n"],
    ["request", "HEAD /h HTTP/1.1\r\nHost: a\r\n\r\nGET http://b/c HTTP/1.0\r\nUpgrade: foo\r\n\r\n"],
    ["response", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
    [
      "response",
      "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n",
    ],
    ["response", "5\r\nchunk\r\n0\r\nA: b\r\nC: d\r\n\r\n"],
    ["request", "\r\nGET /d HTTP/1.1\nHost: a\n\n"],
    ["response", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n"],
  ];
}

function untilClose(): Step[] {
  return [
    ["request", "PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\n01234"],
    ["response", "HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\nno more"],
    ["request", "56789"],
    ["response", " than that"],
  ];
}

function http2(): Step[] {
  return [
    ...OPENING,
    [
      "request",
      Buffer.concat([headers(1, POST), headers(3, GET, FLAG.end), data(1, "a"), frame(6, 0, 0, "12345678")]),
    ],
    [
      "response",
      Buffer.concat([headers(1, { ":status": "103" }), headers(3, { ":status": "200" }), data(3, "xyz")]),
    ],
    [
      "request",
      Buffer.concat([frame(0, FLAG.padded | FLAG.end, 1, "\u0002b\0\0"), headers(5, POST), headers(7, POST)]),
    ],
    ["response", Buffer.concat([ok(1, "one"), headers(3, { "x-trailer": "1" }, FLAG.end)])],
    ["response", Buffer.concat([frame(3, 0, 5, "\0\0\0\b"), frame(7, 0, 0, "\0\0\0\u0005\0\0\0\0")])],
  ];
}

/** The field blocks of RFC 7541 C.4 and C.6.1, the first split over three frames. */
function hpack(): Step[] {
  const hex = (text: string): Buffer => Buffer.from(text, "hex");
  const first = hex("828684418cf1e3c2e5f23a6ba0ab90f4ff");
  const answer =
    "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3";
  return [
    ...OPENING,
    [
      "request",
      Buffer.concat([
        frame(1, FLAG.end, 1, first.subarray(0, 5)),
        frame(9, 0, 1, first.subarray(5, 5)),
        frame(9, FLAG.endHeaders, 1, first.subarray(5)),
        frame(1, FLAG.end | FLAG.endHeaders, 3, hex("828684be5886a8eb10649cbf")),
      ]),
    ],
    ["response", frame(1, FLAG.endHeaders, 1, hex(answer))],
    ["response", frame(1, FLAG.endHeaders | FLAG.end, 3, hex("4883640effc1c0bf"))],
    ["response", frame(0, FLAG.end, 1, "body")],
  ];
}

function webSocketFrame(first: number, payload: Uint8Array | string): Buffer {
  const bytes = Buffer.from(payload as string, "latin1");
  return Buffer.concat([Buffer.from([first, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
}

function webSocket(): Step[] {
  const compressed = deflateRawSync("hello hello hello");
  return [
    ["request", "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
    [
      "response",
      "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    ],
    ["request", webSocketFrame(0x01, "a")],
    ["request", Buffer.concat([webSocketFrame(0x89, "ping"), webSocketFrame(0x80, "b")])],
    ["response", Buffer.concat([webSocketFrame(0xc2, compressed), webSocketFrame(0xc2, compressed)])],
    ["response", webSocketFrame(0x88, "\u0003\u00e8")],
    ["request", webSocketFrame(0x88, "\u0003\u00e8")],
  ];
}

function grpc(): Step[] {
  const type = { "content-type": "application/grpc+proto", "grpc-encoding": "gzip" };
  return [
    ...OPENING,
    ["request", Buffer.concat([headers(1, { ...POST, ...type }), data(1, "\0\0\0\0\u0003abc\0\0\0")])],
    ["request", data(1, "\0\0\u0001\0\0\0\0\u0003not")],
    ["response", Buffer.concat([headers(1, { ":status": "200", ...type }), data(1, "\0\0\0\0\u0001x")])],
    ["response", headers(1, { "grpc-status": "0" }, FLAG.end)],
    ["request", data(1, "", FLAG.end)],
  ];
}

function webSocketOverHttp2(): Step[] {
  const connect = { ":method": "CONNECT", ":protocol": "websocket", ":path": "/ws", ":authority": "a" };
  return [
    ...OPENING,
    ["request", headers(1, connect)],
    ["response", headers(1, { ":status": "200" })],
    ["request", data(1, webSocketFrame(0x81, "hello").toString("latin1"))],
    ["response", data(1, webSocketFrame(0x82, "world").toString("latin1"), FLAG.end)],
    ["request", data(1, "", FLAG.end)],
  ];
}
