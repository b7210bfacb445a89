import type { Direction } from "../../src/connection/direction.js";
import {
  type ConnectionReader,
  DEFAULT_LIMITS,
  type Exchange,
  type ReaderHandlers,
  type WebSocketMessage,
} from "../../src/exchange/exchange.js";

export const LIMITS = DEFAULT_LIMITS;

/** What a reader reported. */
export interface Report {
  readonly exchanges: Exchange[];
  readonly gaveUp: Array<{ reason: string; protocol: string }>;
  readonly messages: Array<{ exchange: Exchange; message: WebSocketMessage }>;
  readonly handlers: ReaderHandlers;
}

export function createReport(): Report {
  const report: Omit<Report, "handlers"> = { exchanges: [], gaveUp: [], messages: [] };
  return {
    ...report,
    handlers: {
      onExchange: (exchange) => report.exchanges.push(exchange),
      onGiveUp: (reason, protocol) => report.gaveUp.push({ reason, protocol }),
      onMessage: (exchange, message) => report.messages.push({ exchange, message }),
    },
  };
}

/** One step of a connection: bytes (text as latin1) at a time, or the end of a direction. */
export type Step = readonly [direction: Direction, bytes: string | Uint8Array, time?: number];

/**
 * Plays steps 1 ms apart unless they say when, and answers the time after the last. The bytes are overwritten as soon
 * as they were pushed, for their buffer is used again: a reader must keep none of them.
 */
export function play(reader: ConnectionReader, steps: readonly Step[]): number {
  let now = 0;
  for (const [direction, bytes, time] of steps) {
    now = time ?? now + 1;
    const pushed = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : Buffer.from(bytes);
    reader.push(direction, pushed, now);
    pushed.fill(0xaa);
  }
  return now + 1;
}

/** The parts of an exchange that most tests look at. */
export function summary(exchange: Exchange): string {
  const { request, response } = exchange;
  const answer = response ? `${response.status} ${response.body.head.toString("latin1")}` : "-";
  const sent = request.body.head.toString("latin1");
  return `${request.method} ${request.path} ${sent}> ${answer}${exchange.error ? ` !${exchange.error}` : ""}`;
}
