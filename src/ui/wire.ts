/** Messages between the page and its server. */

import type { Usage } from "../interaction/interaction.js";
import type { RequestDiff } from "../traces/request-diff.js";
import type { Part } from "../traces/turn.js";

/** One event in the timeline, without content except the first words. */
export interface Row {
  readonly id: string;
  /** When the request began, in milliseconds since 1970. */
  readonly at: number;
  /** Name of the app, else of the process, else `unknown`. */
  readonly app: string;
  /** Other names by which the app can be filtered: its id, and the name of the process. */
  readonly appIds: readonly string[];
  readonly user?: string;
  /** Root of the repository, else the client's working directory. */
  readonly project?: string;
  /** Provider, else id of the source. */
  readonly provider: string;
  readonly source: string;
  readonly model?: string;
  readonly type?: string;
  readonly host: string;
  readonly path?: string;
  /** Key of the conversation, unique per user. */
  readonly conversation?: string;
  readonly turn?: number;
  readonly agent?: string;
  /** First words of the conversation, or of a call outside of any. */
  readonly words?: string;
  readonly input?: number;
  readonly output?: number;
  readonly cached?: number;
  readonly cost?: number;
  readonly duration?: number;
  readonly status?: number;
  readonly failed?: true;
  /** Why it was seen but not read. */
  readonly reason?: string;
  /** What to do so that it is read. */
  readonly advice?: string;
}

/** Events of `/api/feed`. */
export type FeedMessage =
  /** Discards everything sent before. */
  | { readonly kind: "begin"; readonly folder: string }
  | { readonly kind: "rows"; readonly rows: readonly Row[] }
  /** All existing rows were sent; rows that follow are new. */
  | { readonly kind: "complete"; readonly left_out: number; readonly unreadable: readonly string[] };

/** A line of `/api/conversation`; very long texts are cut. */
export interface Turn {
  readonly row: Row;
  /** System prompt; only with the first turn of each agent. */
  readonly system?: { readonly text: string; readonly length: number };
  readonly tools?: readonly string[];
  /** The messages since the previous response. */
  readonly said: readonly Part[];
  readonly answer: readonly Part[];
  readonly usage?: Usage;
  readonly finish?: string;
  readonly error?: string;
  /** Compared with the previous request of the same agent. */
  readonly changes?: RequestDiff;
}

/** A line of `/api/search`. */
export interface Match {
  readonly id: string;
  /** Text around the match; only for the first matches. */
  readonly excerpt?: string;
}
