import { HTTP2_PREFACE } from "../../src/exchange/http2.js";
import type { Step } from "./recording.js";

export const FLAG = { end: 1, endHeaders: 4, padded: 8, priority: 32 };
export const SETTINGS = frame(4, 0, 0);
/** How every HTTP/2 connection opens. */
export const OPENING: readonly Step[] = [
  ["request", Buffer.concat([HTTP2_PREFACE, SETTINGS])],
  ["response", SETTINGS],
];
export const GET = { ":method": "GET", ":scheme": "https", ":path": "/", ":authority": "a" };
export const POST = { ...GET, ":method": "POST", "x-a": "1" };

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | string = "",
): Buffer {
  const body = typeof payload === "string" ? Buffer.from(payload, "latin1") : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, body]);
}

/** Fields as HPACK literals without indexing. */
export function block(fields: Record<string, string>): Buffer {
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]),
  );
}

export function headers(id: number, fields: Record<string, string>, flags = 0): Buffer {
  return frame(1, FLAG.endHeaders | flags, id, block(fields));
}

export function data(id: number, text: string, flags = 0): Buffer {
  return frame(0, flags, id, text);
}

/** A whole response. */
export function ok(id: number, text = "ok"): Buffer {
  return Buffer.concat([headers(id, { ":status": "200" }), data(id, text, FLAG.end)]);
}
