/** What crosses between the thread that passes bytes on and the one that records them. Plain data. */

import type { Owner } from "../connection/client.js";
import type { McpParty } from "../interaction/mcp/mcp-session.js";
import type { LoadOptions } from "../oisp/load.js";

export interface RecordingData {
  readonly outputDir: string;
  /** Bytes of a message that are kept; of a longer one, which call it belongs to. */
  readonly maxBody: number;
  readonly keepDays?: number;
  readonly keepSize?: number;
  readonly onFinding?: string;
  readonly bundle: LoadOptions;
  /** What the server is called when it does not say. */
  readonly label: string;
  /** Who started it. */
  readonly owner: Owner;
}

export interface Said {
  readonly from: McpParty;
  /** Epoch milliseconds. */
  readonly time: number;
  /** Null where bytes were left out. */
  readonly bytes: Uint8Array | null;
}

export type ToRecording =
  | { readonly type: "said"; readonly said: readonly Said[] }
  /** Answered by `ended` when all that came before is written. */
  | { readonly type: "end"; readonly by: McpParty; readonly time: number };

export type FromRecording =
  /** Bytes that were looked at. */
  | { readonly type: "read"; readonly bytes: number }
  | { readonly type: "ended" }
  | { readonly type: "warn"; readonly message: string };
