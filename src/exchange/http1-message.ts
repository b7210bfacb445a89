import { ByteBuffer } from "./byte-buffer.js";
import type { Fields } from "./exchange.js";
import { parseFields } from "./fields.js";
import { ProtocolError } from "./guard.js";
import type { Framing } from "./http1-framing.js";

const CR = 0x0d;
const LF = 0x0a;
const LF_LF = Buffer.from("\n\n");
const LF_CR_LF = Buffer.from("\n\r\n");
/** Chunk extensions are ignored; servers allow a few KiB of them. */
const MAX_CHUNK_LINE = 16 << 10;
const CHUNK_LINE = /^([0-9a-f]{1,13})[ \t]*(?:;.*)?$/i;

/** Receives the messages of one direction, in wire order. */
export interface MessageListener {
  onStart(time: number): void;
  /** Returns how the body is framed. */
  onHead(startLine: string, fields: Fields): Framing;
  onBody(bytes: Buffer, start: number, end: number, time: number): void;
  onEnd(trailers: Fields, time: number): void;
}

type State = "start" | "head" | "length" | "until_close" | "chunk_line" | "chunk" | "chunk_end" | "trailers";

/**
 * Splits one direction of an HTTP/1 connection into messages (RFC 9112). HTTP parsers from npm do not fit: they are
 * made for an endpoint, correct or reject what the other endpoint would read differently, and do not handle a copy that
 * may stop anywhere.
 */
export class Http1MessageReader {
  private readonly listener: MessageListener;
  private readonly maxHeader: number;
  private readonly section = new ByteBuffer();
  private state: State = "start";
  private halted = false;
  private left = 0;

  constructor(listener: MessageListener, maxHeader: number) {
    this.listener = listener;
    this.maxHeader = maxHeader;
  }

  /** Stops before the next byte, since what follows may not be HTTP/1. Call it from a listener. */
  halt(): void {
    this.halted = true;
  }

  resume(): void {
    this.halted = false;
  }

  /** Returns where it stopped: the end of `bytes`, or earlier when halted. */
  push(bytes: Buffer, time: number): number {
    let at = 0;
    while (at < bytes.length && !this.halted) at = this.step(bytes, at, time);
    return at;
  }

  /** The direction ended: this completes a body that is delimited by the close. */
  end(time: number): void {
    if (this.state === "until_close" && !this.halted) this.finish([], time);
  }

  private step(bytes: Buffer, at: number, time: number): number {
    switch (this.state) {
      case "start":
        return this.skipEmptyLines(bytes, at, time);
      case "head":
        return this.readHead(bytes, at, time);
      case "length":
      case "chunk":
        return this.readBody(bytes, at, time);
      case "until_close":
        this.listener.onBody(bytes, at, bytes.length, time);
        return bytes.length;
      case "chunk_line":
        return this.readChunkLine(bytes, at);
      case "chunk_end":
        return this.readChunkEnd(bytes, at);
      case "trailers":
        return this.readTrailers(bytes, at, time);
    }
  }

  /** Old clients send empty lines before a message (RFC 9112 §2.2). */
  private skipEmptyLines(bytes: Buffer, at: number, time: number): number {
    let next = at;
    while (next < bytes.length && (bytes[next] === CR || bytes[next] === LF)) next++;
    if (next < bytes.length) {
      this.state = "head";
      this.listener.onStart(time);
    }
    return next;
  }

  private readHead(bytes: Buffer, at: number, time: number): number {
    const end = this.findSectionEnd(bytes, at);
    if (end < 0) return bytes.length;
    const lines = this.takeLines(bytes, at, end);
    const framing = this.listener.onHead(lines[0]!, parseFields(lines, 1, lines.length));
    switch (framing.kind) {
      case "none":
        this.finish([], time);
        break;
      case "length":
        this.left = framing.length;
        this.state = "length";
        break;
      case "chunked":
        this.state = "chunk_line";
        break;
      case "until_close":
        this.state = "until_close";
    }
    return end;
  }

  private readBody(bytes: Buffer, at: number, time: number): number {
    const end = Math.min(bytes.length, at + this.left);
    this.listener.onBody(bytes, at, end, time);
    this.left -= end - at;
    if (this.left > 0) return end;
    if (this.state === "length") {
      this.finish([], time);
    } else {
      this.state = "chunk_end";
      this.left = 2;
    }
    return end;
  }

  private readChunkLine(bytes: Buffer, at: number): number {
    const lineEnd = bytes.indexOf(LF, at);
    const end = lineEnd < 0 ? bytes.length : lineEnd + 1;
    if (this.section.length + end - at > MAX_CHUNK_LINE) throw new ProtocolError("http1_bad_chunk");
    if (lineEnd < 0) {
      this.section.append(bytes, at, end);
      return end;
    }
    const line = this.takeText(bytes, at, end);
    // A bare LF ends the line for some implementations and belongs to an extension for others.
    const size = line.endsWith("\r\n") ? CHUNK_LINE.exec(line.slice(0, -2)) : null;
    if (size === null) throw new ProtocolError("http1_bad_chunk");
    this.left = Number.parseInt(size[1]!, 16);
    this.state = this.left === 0 ? "trailers" : "chunk";
    return end;
  }

  private readChunkEnd(bytes: Buffer, at: number): number {
    if (bytes[at] !== (this.left === 2 ? CR : LF)) throw new ProtocolError("http1_bad_chunk");
    this.left--;
    if (this.left === 0) this.state = "chunk_line";
    return at + 1;
  }

  private readTrailers(bytes: Buffer, at: number, time: number): number {
    const end = this.findSectionEnd(bytes, at);
    if (end < 0) return bytes.length;
    const lines = this.takeLines(bytes, at, end);
    this.finish(lines[0] === "" ? [] : parseFields(lines, 0, lines.length), time);
    return end;
  }

  private finish(trailers: Fields, time: number): void {
    this.state = "start";
    this.listener.onEnd(trailers, time);
  }

  /**
   * End of the field section in `bytes` (after its empty line), or -1 when it is incomplete: then the bytes are kept.
   * Lines may end in a bare LF (RFC 9112 §2.2).
   */
  private findSectionEnd(bytes: Buffer, at: number): number {
    const kept = this.section.length;
    if (kept === 0) {
      const end = sectionEnd(bytes, at, at);
      if ((end < 0 ? bytes.length : end) - at > this.maxHeader)
        throw new ProtocolError("http1_head_too_large");
      if (end < 0) this.section.append(bytes, at, bytes.length);
      return end;
    }
    const appended = Math.min(bytes.length - at, this.maxHeader + 1 - kept);
    this.section.append(bytes, at, at + appended);
    const end = sectionEnd(this.section.view(), 0, Math.max(0, kept - 2));
    if (end > 0) return at + end - kept;
    if (this.section.length > this.maxHeader) throw new ProtocolError("http1_head_too_large");
    return -1;
  }

  private takeLines(bytes: Buffer, at: number, end: number): string[] {
    let text: string;
    if (this.section.length === 0) {
      text = bytes.toString("latin1", at, end);
    } else {
      const kept = this.section.view();
      text = kept.toString("latin1", 0, sectionEnd(kept, 0, 0));
      this.section.clear();
    }
    return splitLines(text);
  }

  private takeText(bytes: Buffer, at: number, end: number): string {
    if (this.section.length === 0) return bytes.toString("latin1", at, end);
    this.section.append(bytes, at, end);
    const text = this.section.view().toString("latin1");
    this.section.clear();
    return text;
  }
}

/** The index after the first empty line at or after `from`, in a section that starts at `start`; or -1. */
function sectionEnd(bytes: Buffer, start: number, from: number): number {
  if (from === start) {
    if (bytes[start] === LF) return start + 1;
    if (bytes[start] === CR && bytes[start + 1] === LF) return start + 2;
  }
  const proper = bytes.indexOf(LF_CR_LF, from);
  const bare = bytes.subarray(0, proper < 0 ? bytes.length : proper + 1).indexOf(LF_LF, from);
  if (bare >= 0) return bare + 2;
  return proper < 0 ? -1 : proper + 3;
}

/** The lines of a section up to its empty line; one empty line when there is nothing else. */
function splitLines(text: string): string[] {
  if (text.includes("\0")) throw new ProtocolError("http1_nul_in_head");
  const lines: string[] = [];
  let start = 0;
  let cr = text.indexOf("\r");
  while (start < text.length) {
    const lf = text.indexOf("\n", start);
    const end = cr === lf - 1 && cr >= start ? cr : lf;
    if (cr >= 0 && cr < end) throw new ProtocolError("http1_bare_cr");
    if (end > start || lines.length === 0) lines.push(text.slice(start, end));
    start = lf + 1;
    if (cr >= 0 && cr < start) cr = text.indexOf("\r", start);
  }
  return lines;
}
