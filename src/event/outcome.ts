import type { OximyEvent } from "./event.js";

/** Whether the response was an error, or is incomplete. */
export function isFailed({ metadata, mcp }: Pick<OximyEvent, "metadata" | "mcp">): boolean {
  return metadata.error !== undefined || (metadata.response_status ?? 0) >= 400 || mcp?.is_error === true;
}
