/** Messages of an MCP exchange over HTTP: from complete bodies, and from streams while they are open. */

import { MemoryBudget } from "../exchange/body.js";
import type { Exchange, Fields } from "../exchange/exchange.js";
import { contentCodings } from "../interaction/content-encoding.js";
import { decodeBody } from "../interaction/decode.js";
import type { DecodedBody } from "../interaction/interaction.js";
import { LiveUnpacker } from "../interaction/live-unpacker.js";
import { type EventMessage, EventMessages } from "../interaction/mcp/event-messages.js";
import type { MessageFacts } from "../interaction/mcp/mcp-session.js";
import { messagesOf, type RpcMessage } from "../interaction/mcp/rpc-message.js";
import type { McpSessionState } from "./mcp-traffic.js";

/** Unfinished messages of the greatest length that may be buffered, over all streams. */
const MAX_WAITING = 8;
/** Most memory of the decoders of all compressed streams: that of 16 typical brotli streams. */
const MAX_DECODERS = 64 << 20;

/** A message with its time and length. */
export interface McpMessage {
  readonly message: RpcMessage;
  readonly facts: MessageFacts;
}

/** Memory limit for the unfinished messages of one thread's streams. */
export class StreamBudget {
  readonly decoders = new MemoryBudget(MAX_DECODERS);
  private used = 0;

  /** @param maxMessage size from which only the outline of a message is kept */
  constructor(readonly maxMessage: number) {}

  /** False when the streams together exceed the limit. */
  change(bytes: number): boolean {
    this.used += bytes;
    return this.used <= MAX_WAITING * this.maxMessage;
  }
}

/** An event stream, read while it is open. */
export class McpStream {
  /** Set with the first bytes, if the stream can be reported at all. */
  state: McpSessionState | undefined;
  hasBegun = false;
  /** Opened by the client for messages that the server sends on its own. */
  isListening = false;
  /** Some of its messages were not kept. */
  isTorn = false;
  hasMessages = false;
  /** Compressed in a way that is decoded only after its end: several codings, or beyond the memory limit. */
  isDeferred = false;
  private hasTakenRequests = false;
  private isUnreadable = false;
  private unpacker: LiveUnpacker | undefined;
  private readonly messages: EventMessages;
  private readonly codings: readonly string[];

  constructor(
    private readonly budget: StreamBudget,
    fields: Fields,
  ) {
    this.messages = new EventMessages(budget.maxMessage);
    this.codings = contentCodings(fields);
  }

  push(bytes: Uint8Array): EventMessage[] {
    if (bytes.length === 0 || this.isDeferred || this.isUnreadable) return [];
    if (this.codings.length === 0) return this.take(bytes);
    if (this.unpacker === undefined) {
      this.unpacker = LiveUnpacker.of(this.codings, bytes, this.budget.decoders);
      this.isDeferred = this.unpacker === undefined;
    }
    const unpacked = this.unpacker?.push(bytes);
    if (unpacked !== undefined) return this.take(unpacked);
    if (!this.isDeferred) this.giveUp();
    return [];
  }

  end(): EventMessage[] {
    this.closeUnpacker();
    this.budget.change(-this.messages.waiting);
    return this.messages.end();
  }

  /** The messages of the request body, on the first call only. */
  takeRequests(exchange: Exchange): McpMessage[] {
    if (this.hasTakenRequests) return [];
    this.hasTakenRequests = true;
    return requestsOf(exchange);
  }

  /** The rest cannot be decompressed. */
  private giveUp(): void {
    this.isUnreadable = true;
    this.isTorn = true;
    this.closeUnpacker();
  }

  private closeUnpacker(): void {
    this.unpacker?.close();
    this.unpacker = undefined;
  }

  private take(bytes: Uint8Array): EventMessage[] {
    const before = this.messages.waiting;
    const found = this.messages.push(bytes);
    if (!this.budget.change(this.messages.waiting - before)) {
      this.budget.change(-this.messages.waiting);
      this.messages.skip();
      this.isTorn = true;
    }
    if (found.length > 0) this.hasMessages = true;
    return found;
  }
}

export const messageAt =
  (time: number) =>
  ({ message, length, isCut }: EventMessage): McpMessage => ({
    message,
    facts: { time, ...(length !== undefined && { length }), ...(isCut && { isCut }) },
  });

/** The client's messages. */
export const requestsOf = ({ request, startedAt }: Exchange): McpMessage[] =>
  timedMessages(request, startedAt);

/** The server's messages in a response that is read after its end. */
export const answersOf = ({ response, endedAt }: Exchange): McpMessage[] =>
  response === undefined ? [] : timedMessages(response, endedAt);

function timedMessages(
  side: { readonly body: Exchange["request"]["body"]; readonly fields: Fields },
  time: number,
) {
  const messages = messagesIn(decodeBody(side.body, side.fields));
  const { length, truncated } = side.body;
  // The length of the body is that of the message if there is only one.
  const facts = {
    time,
    ...(messages.length === 1 && { length }),
    ...(truncated && { isCut: true }),
  };
  return messages.map((message) => ({ message, facts }));
}

function messagesIn(body: DecodedBody): RpcMessage[] {
  switch (body.kind) {
    case "json":
      return messagesOf(body.value);
    case "stream":
      return body.chunks.flatMap(({ data }) => messagesOf(data));
    default:
      return [];
  }
}
