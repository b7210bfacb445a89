/**
 * Extracts from a JSON-RPC message that is too long to be kept the members that identify its call. Bytes in, values
 * out; only keeps a few names in memory.
 */

import { parseJson } from "../json.js";

/** Top-level members of the message. */
export interface RpcOutline {
  readonly id?: string | number;
  readonly method?: string;
  readonly answers?: "result" | "error";
}

/** Ids and methods are short; longer values are skipped. */
const LONGEST_VALUE = 256;

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];

export class OutlineReader {
  private depth = 0;
  private isInString = false;
  private isEscaped = false;
  /** At the top level: whether the name of a member comes next, or its value. */
  private expects: "name" | "value" = "name";
  private text: number[] = [];
  private name = "";
  private readonly found = new Map<string, unknown>();

  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.isInString) this.inString(byte);
      else this.outside(byte);
    }
  }

  outline(): RpcOutline {
    const id = this.found.get("id");
    const method = this.found.get("method");
    return {
      ...((typeof id === "string" || typeof id === "number") && { id }),
      ...(typeof method === "string" && { method }),
      ...(this.found.has("error") && { answers: "error" as const }),
      ...(this.found.has("result") && { answers: "result" as const }),
    };
  }

  private inString(byte: number): void {
    this.keep(byte);
    if (this.isEscaped) this.isEscaped = false;
    else if (byte === BACKSLASH) this.isEscaped = true;
    else if (byte === QUOTE) this.isInString = false;
  }

  private outside(byte: number): void {
    switch (byte) {
      case QUOTE:
        this.isInString = true;
        this.keep(byte);
        return;
      case OPEN_OBJECT:
      case OPEN_LIST:
        this.depth += 1;
        // A list of messages has no id of its own.
        if (this.depth === 1 && byte === OPEN_LIST) this.depth = 2;
        return;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        if (this.depth === 1) this.endValue();
        this.depth -= 1;
        return;
      case COLON:
        if (this.depth !== 1 || this.expects !== "name") return;
        this.name = String(this.taken());
        this.expects = "value";
        return;
      case COMMA:
        if (this.depth === 1) this.endValue();
        return;
      default:
        this.keep(byte);
    }
  }

  private keep(byte: number): void {
    if (this.depth === 1 && this.text.length < LONGEST_VALUE) this.text.push(byte);
  }

  private endValue(): void {
    const value = this.taken();
    if (this.expects === "value") this.found.set(this.name, value);
    this.expects = "name";
  }

  private taken(): unknown {
    const text = Buffer.from(this.text).toString("utf8").trim();
    this.text = [];
    return parseJson(text);
  }
}
