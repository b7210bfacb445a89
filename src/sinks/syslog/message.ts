/** Syslog messages (RFC 5424), and their framing in a stream (RFC 6587 §3.4.1). Values in, bytes out. */

import { Buffer } from "node:buffer";

/** Numbers of RFC 5424 §6.2.1. */
const LOCAL0 = 16;
export const SEVERITY = { warning: 4, notice: 5, info: 6 } as const;

export interface Header {
  readonly severity: keyof typeof SEVERITY;
  /** ISO 8601 in UTC. */
  readonly timestamp: string;
  readonly hostName: string;
  readonly pid: number;
  /** What kind of event it is. */
  readonly messageId: string;
  readonly version: string;
  /** Counts the messages of this process from 1 (§7.3.1). */
  readonly sequence: number;
}

const NIL = "-";
const APP_NAME = "oximy";
const LARGEST_SEQUENCE = 2_147_483_647;

/** `<134>`: the facility is local0. */
export const priority = (severity: Header["severity"]): string => `<${LOCAL0 * 8 + SEVERITY[severity]}>`;

/**
 * One message. The JSON is pure ASCII (§6.4: MSG-ANY), so that it needs no byte order mark, which breaks the JSON
 * parsers of many receivers.
 */
export function messageOf(header: Header, json: string): Buffer {
  const { severity, timestamp, hostName, pid, messageId, version, sequence } = header;
  const parameters = { software: APP_NAME, swVersion: version.slice(0, 32) };
  const fields = [
    `${priority(severity)}1`,
    timestampOf(timestamp),
    nameOf(hostName, 255),
    APP_NAME,
    nameOf(String(pid), 128),
    nameOf(messageId, 32),
    `${element("origin", parameters)}${element("meta", { sequenceId: String(((sequence - 1) % LARGEST_SEQUENCE) + 1) })}`,
  ];
  return Buffer.from(`${fields.join(" ")} ${json}`, "ascii");
}

/** The length in bytes, a space, the message: no content can end it early. */
export function counted(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `, "ascii"), message]);
}

/** Equivalent JSON in ASCII, without control characters or line breaks (RFC 8259 §7). */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** RFC 3339 with at most six fractional digits; nil if it is anything else. */
function timestampOf(text: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/.test(text) ? text : NIL;
}

/** PRINTUSASCII only, at most `most` characters; nil if empty. */
function nameOf(text: string, most: number): string {
  return text.replace(/[^\x21-\x7e]/g, "?").slice(0, most) || NIL;
}

/** An SD-ELEMENT; `"`, `\` and `]` are escaped (§6.3.3). */
function element(id: string, parameters: Readonly<Record<string, string>>): string {
  const written = Object.entries(parameters).map(
    ([name, value]) => ` ${name}="${value.replace(/["\\\]]/g, "\\$&")}"`,
  );
  return `[${id}${written.join("")}]`;
}
