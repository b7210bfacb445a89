/** What crosses between the data plane's thread and the capture thread. */

import type { CloseCause, Connection, UnreadConnection } from "../connection/connection.js";
import type { ReaderLimits } from "../exchange/exchange.js";
import type { SupplementUse } from "../oisp/supplement.js";
import type { OtlpSettings } from "../user/otlp-settings.js";
import type { SyslogSettings } from "../user/syslog-settings.js";

/** What became of the reading of a connection. */
export type ReadOutcome = "opened" | "missing" | "failed";

/** How events are made and where they go. Plain data: it crosses a thread. */
export interface CaptureOptions {
  readonly outputDir: string;
  readonly includeRaw: boolean;
  readonly limits: ReaderLimits;
  /** How the bundle's document is read. */
  readonly supplement?: SupplementUse;
  /** Days that event files are kept; absent: for ever. */
  readonly keepDays?: number;
  /** Bytes that event files may have together; absent: any number. */
  readonly keepSize?: number;
  /** Group that new files are given; the process's own group is none of the user's. */
  readonly fileGroup?: number;
  /** Hosts that the bundle does not know were decrypted too, for the named apps. */
  readonly allHosts: boolean;
  /** Hosts of MCP servers that the user names. */
  readonly mcpHosts?: readonly string[];
  /** An executable that is told of findings. */
  readonly onFinding?: string;
  /** A collector that is told of the events, and where is remembered how far it has got. */
  readonly otlp?: { readonly settings: OtlpSettings; readonly stateFolder: string };
  /** The same of a log server. */
  readonly syslog?: { readonly settings: SyslogSettings; readonly stateFolder: string };
  /** Post each event back, for the live feed. */
  readonly feed: boolean;
}

export interface CaptureThreadData {
  readonly options: CaptureOptions;
  readonly bundleDocument: string;
  /** One Int32 counter of KiB read so far, shared with the data plane. */
  readonly progress: SharedArrayBuffer;
}

/** Operations on taps, four numbers each: code, connection id, time (epoch ms), argument. */
export const OP = {
  open: 0,
  request: 1,
  response: 2,
  endRequest: 3,
  endResponse: 4,
  close: 5,
  unread: 6,
} as const;
export const OP_WIDTH = 4;

export const CLOSE_CAUSES = [
  "ended",
  "client_aborted",
  "server_closed",
  "capture_lost",
] as const satisfies readonly (CloseCause | "capture_lost")[];

/** What the taps gathered since the last batch, in order. */
export interface Batch {
  readonly type: "batch";
  readonly ops: Float64Array;
  /** The pushed bytes, end to end; the argument of a push is its length. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Arguments of `open` and `unread` are indexes in here. */
  readonly infos: readonly (Connection | UnreadConnection)[];
  /** Its buffer is the native front's, and goes back to it. */
  readonly isFronts?: true;
}

/** What a batch counts for among the bytes under way, on both sides of the thread border. */
export const batchKib = (batch: Pick<Batch, "bytes">): number => Math.ceil(batch.bytes.length / 1024) + 1;

export type ToCaptureThread =
  | Batch
  | { readonly type: "bundle"; readonly document: string }
  /** Frames of TLS secrets (secrets/secret-frame.ts), transferred, not copied. */
  | { readonly type: "secrets"; readonly bytes: Uint8Array }
  /** Answered by `flushed` when all that came before is written. */
  | { readonly type: "flush"; readonly id: number }
  | { readonly type: "close" };

export type FromCaptureThread =
  | { readonly type: "ready" }
  | { readonly type: "flushed"; readonly id: number }
  | { readonly type: "closed"; readonly counters: CaptureCounters }
  /** For the live feed, after they were written. */
  | { readonly type: "events"; readonly events: readonly unknown[] }
  /** A large buffer of a batch that was read: nothing of it was kept. */
  | { readonly type: "spent"; readonly buffer: ArrayBuffer; readonly isFronts: boolean }
  | { readonly type: "read_outcome"; readonly id: number; readonly outcome: ReadOutcome }
  | { readonly type: "log"; readonly level: "info" | "warn" | "error"; readonly message: string }
  | { readonly type: "failed"; readonly code: string; readonly message: string; readonly advice: string };

export interface CaptureCounters {
  events: number;
  /** Exchanges of hosts or paths that leave nothing. */
  dropped: number;
  /** Connections whose tap was closed because the capture plane fell behind. */
  lostTaps: number;
  /** Why connections could not be read to their end, with how often. */
  gaveUp: Record<string, number>;
  /** Events that could not be written. */
  lostEvents: number;
}
