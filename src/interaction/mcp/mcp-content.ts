/** MCP content with images, sounds and files by reference: their bytes are not kept. */

import { isObject } from "../json.js";
import { base64Reference } from "../media.js";

/** Deeper than any content in the specification's schema. */
const MAX_DEPTH = 12;

/**
 * Replaces `data` of an `ImageContent` or `AudioContent`, and `blob` of `BlobResourceContents` (schema 2025-06-18).
 * Returns the same value when there is none.
 */
export function withoutMedia<T>(value: T): T {
  return replaced(value, 0) as T;
}

function replaced(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) {
    const copy = value.map((each) => replaced(each, depth + 1));
    return copy.some((each, at) => each !== value[at]) ? copy : value;
  }
  if (!isObject(value)) return value;
  const { type, data, blob, mimeType, ...rest } = value;
  const mediaType = typeof mimeType === "string" ? mimeType : undefined;
  if ((type === "image" || type === "audio") && typeof data === "string") {
    return { ...rest, ...base64Reference(data, mediaType, type) };
  }
  if (typeof blob === "string" && typeof rest.uri === "string") {
    return { ...rest, ...base64Reference(blob, mediaType, "file") };
  }
  let copy: Record<string, unknown> | undefined;
  for (const [name, member] of Object.entries(value)) {
    const changed = replaced(member, depth + 1);
    if (changed === member) continue;
    copy ??= { ...value };
    copy[name] = changed;
  }
  return copy ?? value;
}
