/** A bounded buffer for the messages of a WebSocket since its last turn. */

import type { WebSocketMessage } from "../exchange/exchange.js";
import { endsTurn } from "../interaction/turns.js";

/** Overhead of a message besides its bytes. */
const OVERHEAD = 64;

export class TurnBuffer {
  private messages: WebSocketMessage[] = [];
  private bytes = 0;
  private cut = false;

  /** @param maxBytes kept of one turn; the next message is stored empty and marked as truncated */
  constructor(private readonly maxBytes: number) {}

  /** True when the message ends a turn, which the caller must then `take`. */
  add(message: WebSocketMessage): boolean {
    const size = message.data.length + OVERHEAD;
    const fits = this.bytes + size <= this.maxBytes;
    if (fits) {
      this.bytes += size;
      this.messages.push(message);
    } else if (!this.cut) {
      this.cut = true;
      this.messages.push({ ...message, data: Buffer.alloc(0), truncated: true });
    }
    return endsTurn(message);
  }

  take(): readonly WebSocketMessage[] {
    const { messages } = this;
    this.messages = [];
    this.bytes = 0;
    this.cut = false;
    return messages;
  }
}
