import { createHash } from "node:crypto";
import type { ReceivedConnection } from "./servers/received-connection.js";

const HTTP2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** RFC 9113 §6. */
const TYPE = { data: 0, headers: 1, rstStream: 3, settings: 4, ping: 6, windowUpdate: 8 } as const;
const ACK = 0x1;
const PRIORITY = 0x20;

/** What a server received, without what differs from run to run: the client's port. */
export function viewOf({ remotePort: _, ...received }: ReceivedConnection): object {
  const { head, sha256, bytes, ...rest } = received;
  const raw = Buffer.from(head, "base64");
  // Of a long connection only the head is there to be looked into.
  if (!raw.toString("latin1").startsWith(HTTP2_PREFACE) || bytes > raw.length) {
    return { ...rest, bytes, sha256, head: raw.toString("latin1") };
  }
  const { frames, bodies } = streamsOf(raw);
  return { ...rest, frames, bodies };
}

/**
 * The same of a browser's HTTP/2 connection, without what chance decides there: masks of WebSocket messages, what
 * is open and broken off at the end, and on which stream, open or not by then, another one depends.
 */
export function requestsOf({ head, serverName, alpn, tlsVersion }: ReceivedConnection): object {
  const { frames } = streamsOf(Buffer.from(head, "base64"), (frame) => {
    if (frame[3] === TYPE.rstStream) return undefined;
    if (frame[3] !== TYPE.headers || (frame[4]! & PRIORITY) === 0) return frame;
    return Buffer.concat([frame.subarray(0, 9), frame.subarray(13)]);
  });
  return { serverName, alpn, tlsVersion, frames };
}

/**
 * The frames of each stream of an HTTP/2 connection, in order and with all their bytes, and the digests of bodies.
 * How streams interleave and how a body is cut into frames is left to chance by clients, and so is when they answer
 * the server's SETTINGS and PING and give it more window.
 */
function streamsOf(raw: Buffer, keep: (frame: Buffer) => Buffer | undefined = (frame) => frame) {
  const preface = raw.toString("latin1", 0, HTTP2_PREFACE.length);
  const frames = new Map<number, string[]>();
  const bodies = new Map<number, Buffer[]>();
  const answers: string[] = [];
  let started = false;
  for (let at = HTTP2_PREFACE.length; at < raw.length; ) {
    const frame = raw.subarray(at, at + 9 + raw.readUIntBE(at, 3));
    at += frame.length;
    const [type, flags, stream] = [frame[3], frame[4]!, frame.readUInt32BE(5)];
    started ||= type === TYPE.headers;
    if (type === TYPE.data) bodies.set(stream, [...(bodies.get(stream) ?? []), frame.subarray(9)]);
    else if ((type === TYPE.settings || type === TYPE.ping) && (flags & ACK) !== 0) {
      answers.push(frame.toString("hex"));
    } else if (type !== TYPE.windowUpdate || !started) {
      const kept = keep(frame);
      if (kept) frames.set(stream, [...(frames.get(stream) ?? []), kept.toString("hex")]);
    }
  }
  const digest = (parts: readonly Buffer[]) =>
    createHash("sha256").update(Buffer.concat(parts)).digest("hex");
  return {
    frames: { preface, ...Object.fromEntries(frames), answers: answers.sort() },
    bodies: Object.fromEntries([...bodies].map(([stream, parts]) => [stream, digest(parts)])),
  };
}
