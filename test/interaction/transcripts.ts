/**
 * The transcripts of wire formats: what a client sends, what the provider answers, and the interaction that must
 * be read from it. Servers of other tests answer from them too.
 */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EventStreamCodec } from "@smithy/eventstream-codec";
import type { Exchange, Fields } from "../../src/exchange/exchange.js";
import { decodeBody } from "../../src/interaction/decode.js";
import type { DecodedExchange, Interaction } from "../../src/interaction/interaction.js";
import { turnsOf } from "../../src/interaction/turns.js";
import type { Feature, Provider } from "../../src/oisp/bundle.js";
import { wholeBody } from "./exchanges.js";

/** A body: exactly one of the forms, with its media type. */
interface Content {
  readonly type: string;
  readonly status?: number;
  readonly json?: unknown;
  readonly events?: ReadonlyArray<{ readonly event?: string; readonly data: unknown }>;
  readonly lines?: readonly unknown[];
  readonly text?: string;
  readonly form?: Record<string, string>;
  readonly base64?: string;
  /** Messages of an Amazon event stream. */
  readonly amazon?: ReadonlyArray<{
    readonly event: string;
    readonly data: unknown;
    readonly exception?: true;
  }>;
}

interface TranscriptFile {
  /** Where the bytes are from. */
  readonly provenance: string;
  /** As in the bundle; absent for websites and apps. */
  readonly provider?: string;
  readonly apiFormat?: string;
  /** What docs/providers.md may say of the format for it: `plain`, `stream`, `tools`, `reasoning`, `usage`, `errors`. */
  readonly shows: readonly string[];
  readonly host: string;
  /** With its query. */
  readonly path: string;
  readonly method?: string;
  readonly request?: Content;
  readonly response?: Content;
  /** Of a WebSocket, instead of request and response. */
  readonly messages?: ReadonlyArray<{ readonly from: "client" | "server"; readonly data: unknown }>;
  readonly feature?: Feature;
  readonly expected: Interaction;
}

export interface Transcript extends TranscriptFile {
  readonly format: string;
  /** `format/name`. */
  readonly title: string;
}

const folder = fileURLToPath(new URL("./transcripts/", import.meta.url));

export function loadTranscripts(): Transcript[] {
  return readdirSync(folder)
    .sort()
    .flatMap((format) =>
      readdirSync(`${folder}${format}`)
        .sort()
        .map((file) => ({
          ...(JSON.parse(readFileSync(`${folder}${format}/${file}`, "utf8")) as TranscriptFile),
          format,
          title: `${format}/${file.replace(/\.json$/, "")}`,
        })),
    );
}

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString("utf8"),
  (text) => Buffer.from(text, "utf8"),
);

/** The content as it is sent. */
export function bytesOf(content: Content | undefined): Buffer {
  if (!content) return Buffer.alloc(0);
  if (content.json !== undefined) return Buffer.from(JSON.stringify(content.json));
  if (content.events) return Buffer.from(content.events.map(eventText).join(""));
  if (content.lines) return Buffer.from(content.lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  if (content.form) return Buffer.from(new URLSearchParams(content.form).toString());
  if (content.base64 !== undefined) return Buffer.from(content.base64, "base64");
  if (content.amazon) return Buffer.concat(content.amazon.map(amazonMessage));
  return Buffer.from(content.text ?? "");
}

function eventText({ event, data }: { readonly event?: string; readonly data: unknown }): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${text}\n\n`;
}

function amazonMessage({ event, data, exception }: NonNullable<Content["amazon"]>[number]): Buffer {
  const text = (value: string) => ({ type: "string" as const, value });
  return Buffer.from(
    codec.encode({
      headers: {
        ":message-type": text(exception ? "exception" : "event"),
        [exception ? ":exception-type" : ":event-type"]: text(event),
        ":content-type": text("application/json"),
      },
      body: Buffer.from(JSON.stringify(data)),
    }),
  );
}

export function providerOf({ provider, apiFormat }: Transcript): Provider | undefined {
  return provider === undefined
    ? undefined
    : { id: provider, name: provider, apiFormat: apiFormat ?? "openai" };
}

function fieldsOf(content: Content | undefined): Fields {
  return content ? [["content-type", content.type]] : [];
}

/** What the capture plane makes of the transcript; `response` stands in for the response's bytes. */
export function decodedOf(
  transcript: Transcript,
  response?: { readonly bytes: Buffer; readonly fields: Fields },
): DecodedExchange {
  const url = new URL(transcript.path, "https://any");
  const requestFields = fieldsOf(transcript.request);
  const responseFields = response?.fields ?? fieldsOf(transcript.response);
  const opening = {
    host: transcript.host,
    method: transcript.method ?? "POST",
    path: url.pathname,
    query: url.searchParams,
    requestFields,
    status: transcript.messages ? 101 : (transcript.response?.status ?? 200),
    responseFields,
  };
  if (transcript.messages) return turnsOf(webSocketOf(transcript), opening)[0]!.exchange;
  return {
    ...opening,
    requestBody: decodeBody(wholeBody(bytesOf(transcript.request)), requestFields),
    responseBody: decodeBody(wholeBody(response?.bytes ?? bytesOf(transcript.response)), responseFields),
  };
}

function webSocketOf(transcript: Transcript): Exchange {
  const messages = (transcript.messages ?? []).map(({ from, data }, time) => ({
    direction: from === "client" ? ("request" as const) : ("response" as const),
    time,
    kind: "text" as const,
    data: Buffer.from(JSON.stringify(data)),
    truncated: false,
  }));
  const none = { fields: [], trailers: [], body: wholeBody("") };
  return {
    protocol: "websocket",
    startedAt: 0,
    endedAt: messages.length,
    request: { method: "GET", path: transcript.path, ...none },
    response: { status: 101, ...none },
    messages,
  };
}
