/**
 * MCP messages over standard input and output: one per line ("Messages are delimited by newlines, and MUST NOT
 * contain embedded newlines", modelcontextprotocol.io, specification 2025-06-18, basic/transports). Bytes in, lines
 * out; memory for a line is bounded.
 */

import { OutlineReader, type RpcOutline } from "./rpc-outline.js";

const NEWLINE = 0x0a;

/** One line without its terminator; either whole, or too long to be kept. */
export type MessageLine =
  | { readonly kind: "whole"; readonly text: string; readonly length: number }
  | { readonly kind: "outline"; readonly outline: RpcOutline; readonly length: number };

/** Also used for a torn line, to separate what precedes it from what follows. */
const EMPTY_LINE: MessageLine = { kind: "whole", text: "", length: 0 };

export class MessageLines {
  private kept: Uint8Array[] = [];
  private length = 0;
  /** For a line longer than the bound. */
  private outline: OutlineReader | undefined;
  /** Bytes were skipped: the rest of the line is not a message. */
  private isTorn = false;
  private readonly decoder = new TextDecoder("utf-8");

  /**
   * @param maxLength of longer lines, in bytes, only the outline is kept
   * @param empty how to handle empty lines, which are ignored here, but end an event in an event stream
   */
  constructor(
    private readonly maxLength: number,
    private readonly empty: "left_out" | "given" = "left_out",
  ) {}

  /** Bytes kept of the incomplete line. */
  get waiting(): number {
    return this.outline === undefined ? this.length : 0;
  }

  /** Returns the lines completed by these bytes. The buffer may be reused after the call. */
  push(bytes: Uint8Array): MessageLine[] {
    const lines: MessageLine[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.add(bytes.subarray(start, end));
      const line = this.takeLine();
      if (line !== undefined) lines.push(line);
      else if (this.empty === "given") lines.push(EMPTY_LINE);
      start = end + 1;
    }
    this.add(bytes.subarray(start));
    return lines;
  }

  /** Bytes are missing here: reading resumes at the next line. */
  skip(): void {
    this.clear();
    this.isTorn = true;
  }

  /** Accepts a last line without terminator. */
  end(): MessageLine[] {
    const line = this.takeLine();
    return line === undefined ? [] : [line];
  }

  private add(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.isTorn) return;
    this.length += bytes.length;
    if (this.outline === undefined && this.length > this.maxLength) {
      this.outline = new OutlineReader();
      for (const kept of this.kept) this.outline.push(kept);
      this.kept = [];
    }
    if (this.outline !== undefined) this.outline.push(bytes);
    // slice() of a Buffer would not copy.
    else this.kept.push(new Uint8Array(bytes));
  }

  private takeLine(): MessageLine | undefined {
    const length = this.length;
    const outline = this.outline?.outline();
    const kept = this.kept;
    const isTorn = this.isTorn;
    this.clear();
    this.isTorn = false;
    if (length === 0 || isTorn) return undefined;
    if (outline !== undefined) return { kind: "outline", outline, length };
    const bytes = kept.length === 1 ? kept[0]! : joined(kept, length);
    return { kind: "whole", text: this.decoder.decode(bytes), length };
  }

  private clear(): void {
    this.kept = [];
    this.length = 0;
    this.outline = undefined;
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
