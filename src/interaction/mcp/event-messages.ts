/**
 * The messages of MCP in a stream of events (WHATWG HTML §9.2; modelcontextprotocol.io, specification 2025-06-18,
 * basic/transports, "Sending Messages to the Server"), each when it has come. Bytes in, messages out; what is kept of
 * one that has not ended has a bound.
 */

import { type MessageLine, MessageLines } from "./message-lines.js";
import { messageOfOutline, messagesOfText, type RpcMessage } from "./rpc-message.js";
import { OutlineReader } from "./rpc-outline.js";

export interface EventMessage {
  readonly message: RpcMessage;
  /** Bytes; absent within a batch. */
  readonly length?: number;
  /** Too long to be kept: what it says is missing. */
  readonly isCut?: true;
}

export class EventMessages {
  private readonly lines: MessageLines;
  /** Lines of data that say nothing alone, of the event that has not ended. */
  private data: string[] = [];
  private dataLength = 0;

  /** @param maxLength bytes from which on of a message only its outline is kept */
  constructor(private readonly maxLength: number) {
    this.lines = new MessageLines(maxLength, "given");
  }

  /** Bytes that are kept of a message that has not ended. */
  get waiting(): number {
    return this.lines.waiting + this.dataLength;
  }

  /** The messages that end in these bytes, which may be used again after. */
  push(bytes: Uint8Array): EventMessage[] {
    return this.lines.push(bytes).flatMap((line) => this.takeLine(line));
  }

  /** Gives up the message that has not ended. */
  skip(): void {
    this.lines.skip();
    this.clear();
  }

  /** The last event need not have an end. */
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
    // Said in one line, as all do: the empty line, which some servers leave out, would add nothing.
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
