import type { OximyEvent } from "./event.js";

/** Whether the response was an error, or did not end. */
export function isFailed({ metadata }: Pick<OximyEvent, "metadata">): boolean {
  return metadata.error !== undefined || (metadata.response_status ?? 0) >= 400;
}
