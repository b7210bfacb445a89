/**
 * Events as an HTTP archive, HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/, as published by W3C's draft of
 * 2012). Values in, values out. An event has no headers and no cookies, so an archive of them has none either; bodies
 * are those of `_raw`: JSON as JSON, a stream as the list of its chunks. Where HAR has no member, those of Chrome's
 * developer tools are used (front_end/models/har): kind of request, WebSocket messages, errors.
 */

import { Buffer } from "node:buffer";
import type { OximyEvent } from "../../event/event.js";

export interface HarEntry {
  readonly startedDateTime: string;
  /** Milliseconds, the sum of `timings`. */
  readonly time: number;
  readonly request: HarRequest;
  readonly response: HarResponse;
  readonly cache: Record<string, never>;
  readonly timings: { readonly send: number; readonly wait: number; readonly receive: number };
  readonly comment: string;
  /** Names of members that HAR does not have begin with an underscore. */
  readonly _resourceType: "fetch" | "websocket";
  readonly _webSocketMessages?: readonly HarMessage[];
  /** HTTP Toolkit's (httptoolkit-ui, src/model/http/har.ts); without it, it shows a WebSocket as aborted. */
  readonly _webSocketClose?: { readonly code: number };
  readonly _eventId: string;
  readonly _app?: string;
}

interface HarRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly cookies: readonly never[];
  readonly headers: readonly HarPair[];
  readonly queryString: readonly HarPair[];
  readonly postData?: { readonly mimeType: string; readonly text: string };
  readonly headersSize: -1;
  readonly bodySize: number;
}

interface HarResponse {
  readonly status: number;
  readonly statusText: string;
  readonly httpVersion: string;
  readonly cookies: readonly never[];
  readonly headers: readonly HarPair[];
  readonly content: { readonly size: number; readonly mimeType: string; readonly text?: string };
  readonly redirectURL: string;
  readonly headersSize: -1;
  readonly bodySize: number;
  readonly _transferSize?: number;
  readonly _error?: string;
}

interface HarMessage {
  readonly type: "send" | "receive";
  /** Epoch seconds. */
  readonly time: number;
  /** RFC 6455, 5.2: text. */
  readonly opcode: 1;
  readonly data: string;
}

interface HarPair {
  readonly name: string;
  readonly value: string;
}

const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/plain";
/** Readers of archives require a type, even if the body was not kept. */
const UNKNOWN_TYPE = "x-unknown";
/** RFC 6455 §7.4.1: no status code was present. Events do not contain it. */
const NO_CODE = 1005;

/** The text before and after the entries, which are separated by commas. */
export function harAround(version: string): readonly [before: string, after: string] {
  const creator = JSON.stringify({ name: "Oximy", version });
  return [`{"log":{"version":"1.2","creator":${creator},"pages":[],"entries":[\n`, "\n]}}\n"];
}

/** Undefined for a connection without a request that was read. */
export function harEntry(event: OximyEvent): HarEntry | undefined {
  const { metadata, timing, interaction, app, client } = event;
  const { request_method: method, request_path: path, response_status: status = 0 } = metadata;
  if (method === undefined || path === undefined) return undefined;
  const duration = timing.duration_ms ?? 0;
  const wait = Math.min(timing.ttfb_ms ?? duration, duration);
  const isWebSocket = metadata.protocol === "websocket";
  const url = urlOf(event, path);
  const httpVersion = versionOf(metadata.protocol);
  // A WebSocket's bodies are its messages; readers reject a GET with a body.
  const sent = isWebSocket ? undefined : bodyOf(interaction?.request._raw);
  const received = isWebSocket ? undefined : bodyOf(interaction?.response?._raw);
  const name = app?.name ?? client.name;
  return {
    startedDateTime: event.timestamp,
    time: duration,
    request: {
      method,
      url,
      httpVersion,
      cookies: [],
      headers: sent === undefined ? [] : [contentType(sent.mimeType)],
      queryString: queryOf(url),
      ...(sent !== undefined && { postData: sent }),
      headersSize: -1,
      bodySize: metadata.request_length ?? -1,
    },
    response: {
      status,
      statusText: "",
      httpVersion,
      cookies: [],
      headers: received === undefined ? [] : [contentType(received.mimeType)],
      content: {
        size: received === undefined ? (metadata.content_length ?? 0) : Buffer.byteLength(received.text),
        ...(received ?? { mimeType: UNKNOWN_TYPE }),
      },
      redirectURL: "",
      headersSize: -1,
      bodySize: metadata.content_length ?? -1,
      ...(metadata.content_length !== undefined && { _transferSize: metadata.content_length }),
      ...(metadata.error !== undefined && { _error: metadata.error }),
    },
    cache: {},
    timings: { send: 0, wait, receive: duration - wait },
    comment: commentOf(event),
    _resourceType: isWebSocket ? "websocket" : "fetch",
    ...(isWebSocket && { _webSocketMessages: messagesOf(event, wait) }),
    ...(isWebSocket && metadata.error === undefined && { _webSocketClose: { code: NO_CODE } }),
    _eventId: event.event_id,
    ...(name !== undefined && { _app: name }),
  };
}

/** Times of single messages are not kept: sent ones get the start of the turn, received ones that of the response. */
function messagesOf({ interaction, timestamp }: OximyEvent, wait: number): HarMessage[] {
  const begun = Date.parse(timestamp);
  const messages = (type: HarMessage["type"], raw: unknown, ms: number) =>
    (Array.isArray(raw) ? raw : [raw]).flatMap((message: unknown): HarMessage[] => {
      const data = bodyOf(message)?.text;
      return data === undefined ? [] : [{ type, time: ms / 1_000, opcode: 1, data }];
    });
  return [
    ...messages("send", interaction?.request._raw, begun),
    ...messages("receive", interaction?.response?._raw, begun + wait),
  ];
}

function urlOf({ metadata }: OximyEvent, path: string): string {
  const { request_host: host = "", via, protocol } = metadata;
  const scheme = `${protocol === "websocket" ? "ws" : "http"}${via === "plain" ? "" : "s"}`;
  // The target of OPTIONS can be `*`, and that of a proxy request an absolute URL.
  const text = `${scheme}://${host}${path.startsWith("/") ? path : `/${path}`}`;
  return URL.canParse(text) ? new URL(text).href : `${scheme}://unknown.invalid/`;
}

const contentType = (value: string): HarPair => ({ name: "content-type", value });

function queryOf(url: string): HarPair[] {
  return [...new URL(url).searchParams].map(([name, value]) => ({ name, value }));
}

/** As browsers write it. */
function versionOf(protocol: string | undefined): string {
  if (protocol === "h2") return "HTTP/2.0";
  return protocol?.startsWith("http/1.0") ? "HTTP/1.0" : "HTTP/1.1";
}

function bodyOf(raw: unknown): { mimeType: string; text: string } | undefined {
  if (raw === undefined || raw === null) return undefined;
  return typeof raw === "string"
    ? { mimeType: TEXT_TYPE, text: raw }
    : { mimeType: JSON_TYPE, text: JSON.stringify(raw) };
}

function commentOf({ interaction, metadata }: OximyEvent): string {
  const usage = interaction?.response?.usage;
  return [
    interaction?.model,
    usage && `${usage.input_tokens ?? "?"} tokens in, ${usage.output_tokens ?? "?"} out`,
    metadata.protocol === "websocket"
      ? interaction && "a turn of a WebSocket"
      : Array.isArray(interaction?.response?._raw) &&
        "the response was a stream, given as a list of its chunks",
    metadata.truncated && "a body was truncated",
    metadata.error,
    metadata.reason,
  ]
    .filter((part) => typeof part === "string")
    .join("; ");
}
