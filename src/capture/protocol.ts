/** Messages between the data plane's thread and the capture thread. */

import type { CloseCause, Connection, UnreadConnection } from "../connection/connection.js";
import type { ReaderLimits } from "../exchange/exchange.js";
import type { SupplementUse } from "../oisp/supplement.js";
import type { OtlpSettings } from "../user/otlp-settings.js";
import type { SyslogSettings } from "../user/syslog-settings.js";

/** Result of decrypting a connection. */
export type ReadOutcome = "opened" | "missing" | "failed";

/** How events are made and where they go. Plain data, since it is posted to a thread. */
export interface CaptureOptions {
  readonly outputDir: string;
  readonly includeRaw: boolean;
  readonly limits: ReaderLimits;
  /** How the supplement is applied to the bundle. */
  readonly supplement?: SupplementUse;
  /** Days that event files are kept; absent: forever. */
  readonly keepDays?: number;
  /** Most total bytes of event files; absent: no limit. */
  readonly keepSize?: number;
  /** Group of new files; the process's own group is not one of the user's. */
  readonly fileGroup?: number;
  /** Hosts unknown to the bundle are decrypted too, for the named apps. */
  readonly allHosts: boolean;
  /** MCP server hosts that the user named. */
  readonly mcpHosts?: readonly string[];
  /** An executable that is run for findings. */
  readonly onFinding?: string;
  /** A collector to export events to, and the folder of the export's state. */
  readonly otlp?: { readonly settings: OtlpSettings; readonly stateFolder: string };
  /** The same for a log server. */
  readonly syslog?: { readonly settings: SyslogSettings; readonly stateFolder: string };
  /** Post each event back, for the live feed. */
  readonly feed: boolean;
}

export interface CaptureThreadData {
  readonly options: CaptureOptions;
  readonly bundleDocument: string;
  /** An Int32 counter of the KiB read so far, shared with the data plane. */
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

/** The taps' operations since the last batch, in order. */
export interface Batch {
  readonly type: "batch";
  readonly ops: Float64Array;
  /** The pushed bytes, concatenated; the argument of a push is its length. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The arguments of `open` and `unread` are indexes into this. */
  readonly infos: readonly (Connection | UnreadConnection)[];
  /** The buffer belongs to the native front and is returned to it. */
  readonly isFronts?: true;
}

/** A batch's share of the bytes in flight, as counted on both threads. */
export const batchKib = (batch: Pick<Batch, "bytes">): number => Math.ceil(batch.bytes.length / 1024) + 1;

export type ToCaptureThread =
  | Batch
  | { readonly type: "bundle"; readonly document: string }
  /** Frames of TLS secrets (secrets/secret-frame.ts), transferred, not copied. */
  | { readonly type: "secrets"; readonly bytes: Uint8Array }
  /** Answered by `flushed` when everything before it is written. */
  | { readonly type: "flush"; readonly id: number }
  | { readonly type: "close" };

export type FromCaptureThread =
  | { readonly type: "ready" }
  | { readonly type: "flushed"; readonly id: number }
  | { readonly type: "closed"; readonly counters: CaptureCounters }
  /** For the live feed, after the events were written. */
  | { readonly type: "events"; readonly events: readonly unknown[] }
  /** A large buffer of a batch that was read; no part of it is still in use. */
  | { readonly type: "spent"; readonly buffer: ArrayBuffer; readonly isFronts: boolean }
  | { readonly type: "read_outcome"; readonly id: number; readonly outcome: ReadOutcome }
  | { readonly type: "log"; readonly level: "info" | "warn" | "error"; readonly message: string }
  | { readonly type: "failed"; readonly code: string; readonly message: string; readonly advice: string };

export interface CaptureCounters {
  events: number;
  /** Exchanges of hosts or paths that leave no event. */
  dropped: number;
  /** Connections whose tap was closed because the capture plane fell behind. */
  lostTaps: number;
  /** Reasons why connections could not be read to their end, with counts. */
  gaveUp: Record<string, number>;
  /** Events that could not be written. */
  lostEvents: number;
}
