import type { Fields } from "./exchange.js";
import { fieldValue } from "./fields.js";
import type { RequestHead, ResponseHead } from "./open-exchange.js";

/**
 * The request in a field section (RFC 9113 §8.3.1); undefined when it is malformed: then the server rejects the stream,
 * and the connection continues.
 */
export function requestOfSection(section: Fields): RequestHead | undefined {
  const method = fieldValue(section, ":method");
  if (method === undefined) return undefined;
  const fields = regularFields(section);
  const authority = fieldValue(section, ":authority") ?? fieldValue(fields, "host");
  // A plain CONNECT has no path: its target is the authority.
  const path = fieldValue(section, ":path") ?? authority;
  return path === undefined ? undefined : { method, path, authority, fields };
}

/** The response in a field section (RFC 9113 §8.3.2); status 1xx when it is interim. */
export function responseOfSection(section: Fields): ResponseHead | undefined {
  const status = fieldValue(section, ":status");
  if (status === undefined || !/^[1-9]\d\d$/.test(status)) return undefined;
  return { status: Number(status), fields: regularFields(section) };
}

/** The protocol of an extended CONNECT (RFC 8441 §4). */
export function connectProtocol(section: Fields): string | undefined {
  if (fieldValue(section, ":method") !== "CONNECT") return undefined;
  return fieldValue(section, ":protocol")?.toLowerCase();
}

/** Without pseudo-header fields. */
export function regularFields(section: Fields): Fields {
  return section.filter(([name]) => !name.startsWith(":"));
}
