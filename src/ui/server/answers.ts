/** The page's requests: JSON, streamed lines of JSON, and the feed. */

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { OximyError } from "../../errors.js";
import type { FeedMessage } from "../wire.js";
import type { Catalogue } from "./catalogue.js";
import { lineOf, turnsOf } from "./conversation.js";
import { search } from "./search.js";

/** Longest search text. */
const MAX_TEXT = 1_000;

export interface Answering {
  readonly catalogue: Catalogue;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  /** Aborts when the client disconnects or the server stops. */
  readonly signal: AbortSignal;
}

/** By path after the secret first segment. Each resolves when everything is written, with backpressure. */
export const ANSWERS: { readonly [path: string]: (answering: Answering) => Promise<void> } = {
  "api/feed": feed,
  "api/search": async ({ catalogue, response, query, signal }) => {
    const text = (query.get("text") ?? "").slice(0, MAX_TEXT);
    if (text === "") return sendJson(response, 400, { error: "The search text is empty." });
    await sendLines(response, search(catalogue, text, signal), signal);
  },
  "api/conversation": async ({ catalogue, response, query, signal }) => {
    const turns = turnsOf(catalogue, query.get("event") ?? "", signal);
    await sendLines(
      response,
      (async function* () {
        for await (const turn of turns) yield [turn];
      })(),
      signal,
    );
  },
  "api/event": async ({ catalogue, response, query }) => {
    const line = await lineOf(catalogue, query.get("event") ?? "");
    if (line === undefined) return sendJson(response, 404, { error: "No such event." });
    response.writeHead(200, { "Content-Type": "application/json; charset=utf-8" }).end(line);
  },
};

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response
    .writeHead(status, { "Content-Type": "application/json; charset=utf-8" })
    .end(JSON.stringify(value));
}

/** One value per line. An error after the headers is sent as a line of its own. */
async function sendLines(
  response: ServerResponse,
  values: AsyncIterable<readonly unknown[]>,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { "Content-Type": "application/x-ndjson; charset=utf-8" });
  response.flushHeaders();
  try {
    for await (const some of values) {
      if (signal.aborted) break;
      const text = some.map((value) => `${JSON.stringify(value)}\n`).join("");
      if (text !== "") await write(response, text, signal);
    }
  } catch (error) {
    if (!signal.aborted) response.write(`${JSON.stringify({ error: messageOf(error) })}\n`);
  }
  response.end();
}

/** Server-sent events: all known rows, then new ones as they are written. */
async function feed({ catalogue, response, signal }: Answering): Promise<void> {
  response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
  response.flushHeaders();
  const send = (message: FeedMessage) => write(response, `data: ${JSON.stringify(message)}\n\n`, signal);
  const unwatch = catalogue.watch();
  try {
    while (!signal.aborted) {
      const { batches } = catalogue;
      await send({ kind: "begin", folder: catalogue.folder });
      let isComplete = false;
      let next = 0;
      // New batches replace everything sent before.
      while (!signal.aborted && catalogue.batches === batches) {
        if (next < batches.length) await send({ kind: "rows", rows: batches[next++]! });
        else if (catalogue.complete && !isComplete) {
          isComplete = true;
          const { leftOut, unreadable } = catalogue;
          await send({ kind: "complete", left_out: leftOut, unreadable: [...unreadable] });
        } else await catalogue.changed(signal);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    unwatch();
  }
}

/** Waits for the client when the buffer is full. Rejects when `signal` aborts meanwhile. */
async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (!response.write(text)) await once(response, "drain", { signal });
}

export function messageOf(error: unknown): string {
  if (error instanceof OximyError) return `${error.message} ${error.advice}`;
  return error instanceof Error ? error.message : String(error);
}
