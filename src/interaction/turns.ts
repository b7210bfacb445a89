import type { Exchange, WebSocketMessage } from "../exchange/exchange.js";
import type { DecodedBody, DecodedExchange, StreamChunk } from "./interaction.js";
import { isObject, jsonOrText, objectOf, stringOf } from "./json.js";

/** A request and its response on a WebSocket, read like a separate exchange. */
export interface Turn {
  readonly exchange: DecodedExchange;
  /** Epoch milliseconds of the first message, of the first message from the server, of the last message. */
  readonly startedAt: number;
  readonly answeredAt?: number;
  readonly endedAt: number;
}

/** Events that end an answer in OpenAI's responses and realtime, and Gemini Live. */
const LAST_EVENTS = new Set([
  "response.done",
  "response.completed",
  "response.failed",
  "response.incomplete",
  "response.cancelled",
]);

/**
 * The turns of a WebSocket: each ends with the provider's final event of an answer, or with the socket. Messages before
 * the first request (session updates, greetings) belong to the first turn.
 */
export function turnsOf(
  exchange: Exchange,
  opening: Omit<DecodedExchange, "requestBody" | "responseBody">,
): Turn[] {
  const turns: Turn[] = [];
  let current: WebSocketMessage[] = [];
  for (const message of exchange.messages ?? []) {
    current.push(message);
    if (endsTurn(message)) {
      turns.push(turnOf(current, opening));
      current = [];
    }
  }
  // What follows the last answer is a turn if it contains a request.
  const hasRequest = current.some(({ direction }) => direction === "request");
  if (hasRequest || (turns.length === 0 && current.length > 0)) turns.push(turnOf(current, opening));
  return turns;
}

/** Whether this message ends an answer, and with it a turn. */
export function endsTurn(message: WebSocketMessage): boolean {
  return message.direction === "response" && endsAnswer(dataOf(message));
}

function turnOf(
  messages: readonly WebSocketMessage[],
  opening: Omit<DecodedExchange, "requestBody" | "responseBody">,
): Turn {
  const answered = messages.find(({ direction }) => direction === "response");
  return {
    exchange: {
      ...opening,
      requestBody: bodyOf(messages, "request"),
      responseBody: bodyOf(messages, "response"),
    },
    startedAt: messages[0]!.time,
    ...(answered && { answeredAt: answered.time }),
    endedAt: messages.at(-1)!.time,
  };
}

/** One direction of a WebSocket as a body. */
export function bodyOf(
  messages: readonly WebSocketMessage[],
  direction: WebSocketMessage["direction"],
): DecodedBody {
  const own = messages.filter((message) => message.direction === direction);
  if (own.length === 0) return { kind: "empty" };
  return {
    kind: "stream",
    format: "websocket",
    chunks: own.map((message): StreamChunk => ({ data: dataOf(message) })),
    truncated: own.some(({ truncated }) => truncated),
  };
}

/** Gemini Live sends its JSON in binary messages. */
function dataOf({ kind, data }: WebSocketMessage): unknown {
  if (kind === "text" || data[0] === 0x7b) return jsonOrText(data.toString("utf8"));
  return { size: data.length };
}

function endsAnswer(data: unknown): boolean {
  if (!isObject(data)) return false;
  // Responses reject a turn with an error. Realtime's errors, each with an `event_id`, do not end the answer.
  if (data.type === "error" && data.event_id === undefined) return true;
  return LAST_EVENTS.has(stringOf(data.type) ?? "") || objectOf(data.serverContent).turnComplete === true;
}
