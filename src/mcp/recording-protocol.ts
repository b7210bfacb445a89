/** Messages between the relaying thread and the recording thread. Plain data. */

import type { Owner } from "../connection/client.js";
import type { McpParty } from "../interaction/mcp/mcp-session.js";
import type { LoadOptions } from "../oisp/load.js";

export interface RecordingData {
  readonly outputDir: string;
  /** Most bytes of a message that is kept; of a longer one only the outline is. */
  readonly maxBody: number;
  readonly keepDays?: number;
  readonly keepSize?: number;
  readonly onFinding?: string;
  readonly bundle: LoadOptions;
  /** Name of the server if it does not report one. */
  readonly label: string;
  /** The process that started the server. */
  readonly owner: Owner;
}

export interface Chunk {
  readonly from: McpParty;
  /** Epoch milliseconds. */
  readonly time: number;
  /** Null where bytes were dropped. */
  readonly bytes: Uint8Array | null;
}

export type ToRecording =
  | { readonly type: "chunks"; readonly chunks: readonly Chunk[] }
  /** Answered by `ended` when everything before it is written. */
  | { readonly type: "end"; readonly by: McpParty; readonly time: number };

export type FromRecording =
  /** Bytes that were processed. */
  | { readonly type: "read"; readonly bytes: number }
  | { readonly type: "ended" }
  | { readonly type: "warn"; readonly message: string };
