/**
 * MCP messages in an event stream (WHATWG HTML §9.2; modelcontextprotocol.io, specification 2025-06-18,
 * basic/transports, "Sending Messages to the Server"), each as it arrives. Bytes in, messages out; memory for an
 * incomplete message is bounded.
 */

import { type MessageLine, MessageLines } from "./message-lines.js";
import { messageOfOutline, messagesOfText, type RpcMessage } from "./rpc-message.js";
import { OutlineReader } from "./rpc-outline.js";

export interface EventMessage {
  readonly message: RpcMessage;
  /** Bytes; absent within a batch. */
  readonly length?: number;
  /** Too long to be kept: its content is missing. */
  readonly isCut?: true;
}

export class EventMessages {
  private readonly lines: MessageLines;
  /** Data lines of the current event that are not messages on their own. */
  private data: string[] = [];
  private dataLength = 0;

  /** @param maxLength of longer messages, in bytes, only the outline is kept */
  constructor(private readonly maxLength: number) {
    this.lines = new MessageLines(maxLength, "given");
  }

  /** Bytes kept of the incomplete message. */
  get waiting(): number {
    return this.lines.waiting + this.dataLength;
  }

  /** Returns the messages completed by these bytes. The buffer may be reused after the call. */
  push(bytes: Uint8Array): EventMessage[] {
    return this.lines.push(bytes).flatMap((line) => this.takeLine(line));
  }

  /** Discards the incomplete message. */
  skip(): void {
    this.lines.skip();
    this.clear();
  }

  /** Accepts a last event without terminator. */
  end(): EventMessage[] {
    return [...this.lines.end().flatMap((line) => this.takeLine(line)), ...this.takeData()];
  }

  private takeLine(line: MessageLine): EventMessage[] {
    if (line.kind === "outline") {
      const message = messageOfOutline(line.outline);
      return message === undefined ? [] : [{ message, length: line.length, isCut: true }];
    }
    const { text } = line;
    // Lines end in CR LF, LF or CR.
    const parts = text.includes("\r") ? text.replace(/\r$/, "").split("\r") : [text];
    return parts.flatMap((part) => this.takeField(part));
  }

  private takeField(line: string): EventMessage[] {
    if (line === "") return this.takeData();
    if (!line.startsWith(DATA)) return [];
    const value = line.slice(line[DATA.length] === " " ? DATA.length + 1 : DATA.length);
    // In practice a message is a single line: it is complete without the empty line, which some servers omit.
    const messages = this.data.length === 0 ? messagesIn(value) : [];
    if (messages.length > 0) return messages;
    this.data.push(value);
    this.dataLength += Buffer.byteLength(value) + 1;
    return this.dataLength > this.maxLength ? this.takeOutline() : [];
  }

  private takeData(): EventMessage[] {
    if (this.data.length === 0) return [];
    const messages = messagesIn(this.data.join("\n"));
    this.clear();
    return messages;
  }

  private takeOutline(): EventMessage[] {
    const reader = new OutlineReader();
    reader.push(Buffer.from(this.data.join("\n")));
    const message = messageOfOutline(reader.outline());
    const length = this.dataLength;
    this.clear();
    return message === undefined ? [] : [{ message, length, isCut: true }];
  }

  private clear(): void {
    this.data = [];
    this.dataLength = 0;
  }
}

const DATA = "data:";

function messagesIn(text: string): EventMessage[] {
  const messages = messagesOfText(text);
  const length = messages.length === 1 ? { length: Buffer.byteLength(text) } : {};
  return messages.map((message) => ({ message, ...length }));
}
