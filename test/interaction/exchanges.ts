import type { Body, Fields } from "../../src/exchange/exchange.js";
import { decodeBody } from "../../src/interaction/decode.js";
import type { DecodedExchange } from "../../src/interaction/interaction.js";
import { builtInParsers } from "../../src/oisp/embedded.js";

export function wholeBody(content: string | Buffer): Body {
  const head = Buffer.from(content);
  return { head, length: head.length, truncated: false };
}

interface Given {
  readonly host?: string;
  readonly method?: string;
  /** Path with query. */
  readonly path: string;
  /** JSON, or text as it is sent. */
  readonly request?: unknown;
  readonly requestFields?: Fields;
  readonly status?: number;
  readonly response?: unknown;
  readonly responseFields?: Fields;
}

const JSON_FIELDS: Fields = [["content-type", "application/json"]];

/** An exchange as the capture plane gives it to the readers. */
export function exchangeOf(given: Given): DecodedExchange {
  const url = new URL(given.path, "http://any");
  const requestFields = given.requestFields ?? JSON_FIELDS;
  const responseFields = given.responseFields ?? JSON_FIELDS;
  const bytes = (content: unknown): Body =>
    wholeBody(
      content === undefined
        ? ""
        : typeof content === "string" || Buffer.isBuffer(content)
          ? content
          : JSON.stringify(content),
    );
  return {
    host: given.host ?? "api.example.com",
    method: given.method ?? "POST",
    path: url.pathname,
    query: url.searchParams,
    requestFields,
    requestBody: decodeBody(bytes(given.request), requestFields),
    status: given.status ?? 200,
    responseFields,
    responseBody: decodeBody(bytes(given.response), responseFields),
  };
}

/** An event stream of these data. */
export function sse(...events: readonly unknown[]): string {
  return events.map((data) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`).join("");
}

/** The parsers that all published bundles share, in the loader's shape. */
export const PARSERS = builtInParsers();
