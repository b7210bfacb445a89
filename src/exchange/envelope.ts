import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import type { Direction } from "../connection/direction.js";
import { BodyCollector, type MemoryBudget } from "./body.js";
import type { Fields, ReaderLimits, WebSocketMessage } from "./exchange.js";
import { fieldValue } from "./fields.js";

const PREFIX_LENGTH = 5;
const COMPRESSED = 0x01;
/** Connect's end of stream and gRPC-Web's trailers: part of the body, but not application messages. */
const END = 0x02 | 0x80;

/** Encoding of a stream's messages. */
export interface EnvelopeFormat {
  readonly kind: WebSocketMessage["kind"];
  /** The coding of messages that are flagged as compressed. */
  readonly coding: string;
}

const MAY_BE_ENVELOPED = /grpc|connect/i;

/**
 * gRPC, gRPC-Web and Connect streams prefix each message with a flag byte and a length of four bytes
 * (gRPC: PROTOCOL-HTTP2.md "Length-Prefixed-Message"; connectrpc.com/docs/protocol "Enveloped-Message").
 */
export function envelopeFormat(fields: Fields): EnvelopeFormat | undefined {
  const contentType = fieldValue(fields, "content-type");
  if (contentType === undefined || !MAY_BE_ENVELOPED.test(contentType)) return undefined;
  const type = contentType.split(";")[0]!.trim().toLowerCase();
  const isGrpc = /^application\/grpc(?:-web)?(?:\+|$)/.test(type);
  if (!isGrpc && !type.startsWith("application/connect+")) return undefined;
  const coding = fieldValue(fields, isGrpc ? "grpc-encoding" : "connect-content-encoding");
  return { kind: type.endsWith("json") ? "text" : "binary", coding: coding?.toLowerCase() ?? "identity" };
}

/** Reads the enveloped messages of one direction of a stream as they arrive. */
export class EnvelopeReader {
  private readonly limits: ReaderLimits;
  private readonly prefix = Buffer.alloc(PREFIX_LENGTH);
  private prefixLength = 0;
  private message: BodyCollector | undefined;
  private left = 0;
  private broken = false;

  constructor(
    private readonly direction: Direction,
    private readonly format: EnvelopeFormat,
    limits: ReaderLimits,
    private readonly budget: MemoryBudget,
    private readonly emit: (message: WebSocketMessage) => void,
  ) {
    this.limits = { ...limits, maxTail: 0 };
  }

  push(bytes: Buffer, start: number, end: number, time: number): void {
    let at = start;
    while (at < end && !this.broken) {
      if (this.message === undefined) {
        const copied = bytes.copy(this.prefix, this.prefixLength, at, end);
        this.prefixLength += copied;
        at += copied;
        if (this.prefixLength < PREFIX_LENGTH) return;
        this.begin();
      }
      const next = Math.min(end, at + this.left);
      this.message?.append(bytes, at, next);
      this.left -= next - at;
      at = next;
      if (this.left === 0) this.finish(time);
    }
  }

  release(): void {
    this.message?.release();
  }

  private begin(): void {
    this.prefixLength = 0;
    this.left = this.prefix.readUInt32BE(1);
    // Not an error of the exchange: its body is reported as received.
    if (this.prefix[0]! & ~(COMPRESSED | END)) this.broken = true;
    else this.message = new BodyCollector(this.limits, this.budget);
  }

  private finish(time: number): void {
    const message = this.message;
    if (message === undefined) return;
    this.message = undefined;
    message.release();
    if (this.prefix[0]! & END) return;
    const { head, truncated } = message.snapshot();
    const { direction } = this;
    const { kind } = this.format;
    const isCompressed = (this.prefix[0]! & COMPRESSED) !== 0;
    const data = isCompressed ? this.decompress(head) : head;
    this.emit({
      direction,
      time,
      kind,
      data: data ?? Buffer.alloc(0),
      truncated: truncated || data === undefined,
    });
  }

  /** Undefined when it cannot be decompressed: unknown coding, truncated message, too much output. */
  private decompress(data: Buffer): Buffer | undefined {
    const options = { maxOutputLength: this.limits.maxBody };
    try {
      switch (this.format.coding) {
        case "gzip":
          return gunzipSync(data, options);
        case "deflate":
          return inflateSync(data, options);
        case "br":
          return brotliDecompressSync(data, options);
        default:
          return undefined;
      }
    } catch {
      return undefined;
    }
  }
}
