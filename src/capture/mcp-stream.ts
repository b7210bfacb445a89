/** What is said in an exchange of MCP over HTTP: in bodies that have ended, and in streams while they live. */

import { MemoryBudget } from "../exchange/body.js";
import type { Exchange, Fields } from "../exchange/exchange.js";
import { contentCodings } from "../interaction/content-encoding.js";
import { decodeBody } from "../interaction/decode.js";
import type { DecodedBody } from "../interaction/interaction.js";
import { LiveUnpacker } from "../interaction/live-unpacker.js";
import { type EventMessage, EventMessages } from "../interaction/mcp/event-messages.js";
import type { MessageFacts } from "../interaction/mcp/mcp-session.js";
import { messagesOf, type RpcMessage } from "../interaction/mcp/rpc-message.js";
import type { Dialogue } from "./mcp-traffic.js";

/** So many messages of the greatest length may be waiting for their ends, over all streams. */
const MAX_WAITING = 8;
/** What the decoders of all streams that are packed may keep: those of 16 brotli streams as they are usual. */
const MAX_DECODERS = 64 << 20;

/** A message with what is known of it. */
export interface Saying {
  readonly message: RpcMessage;
  readonly facts: MessageFacts;
}

/** What the streams of one thread may keep of messages that have not ended. */
export class StreamBudget {
  readonly decoders = new MemoryBudget(MAX_DECODERS);
  private used = 0;

  /** @param maxMessage bytes from which on of a message only its outline is kept */
  constructor(readonly maxMessage: number) {}

  /** False when the streams keep too much together. */
  change(bytes: number): boolean {
    this.used += bytes;
    return this.used <= MAX_WAITING * this.maxMessage;
  }
}

/** A stream of events, read while it lives. */
export class McpStream {
  /** Known from its first bytes on, when something can be told of it. */
  dialogue: Dialogue | undefined;
  hasBegun = false;
  /** Opened by the client to hear what the server says by itself. */
  isListening = false;
  /** Something said in it was not kept. */
  isTorn = false;
  hasSpoken = false;
  /** It is packed so that it is read when it has ended. */
  isLeft = false;
  private hasAsked = false;
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
    if (bytes.length === 0 || this.isLeft || this.isUnreadable) return [];
    if (this.codings.length === 0) return this.take(bytes);
    if (this.unpacker === undefined) {
      this.unpacker = LiveUnpacker.of(this.codings, bytes, this.budget.decoders);
      this.isLeft = this.unpacker === undefined;
    }
    const unpacked = this.unpacker?.push(bytes);
    if (unpacked !== undefined) return this.take(unpacked);
    if (!this.isLeft) this.giveUp();
    return [];
  }

  end(): EventMessage[] {
    this.closeUnpacker();
    this.budget.change(-this.messages.waiting);
    return this.messages.end();
  }

  /** What the request says, the first time. */
  asked(exchange: Exchange): Saying[] {
    if (this.hasAsked) return [];
    this.hasAsked = true;
    return requestsOf(exchange);
  }

  /** The rest cannot be unpacked. */
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
    if (found.length > 0) this.hasSpoken = true;
    return found;
  }
}

export const sayingAt =
  (time: number) =>
  ({ message, length, isCut }: EventMessage): Saying => ({
    message,
    facts: { time, ...(length !== undefined && { length }), ...(isCut && { isCut }) },
  });

/** What the client says. */
export const requestsOf = ({ request, startedAt }: Exchange): Saying[] => sayingsOf(request, startedAt);

/** What the server says in an answer that is read when it has ended. */
export const answersOf = ({ response, endedAt }: Exchange): Saying[] =>
  response === undefined ? [] : sayingsOf(response, endedAt);

function sayingsOf(
  side: { readonly body: Exchange["request"]["body"]; readonly fields: Fields },
  time: number,
) {
  const messages = messagesIn(decodeBody(side.body, side.fields));
  const { length, truncated } = side.body;
  // The length of a body is that of its message when there is but one.
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
