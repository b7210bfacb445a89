/** What the page's server and the page tell each other. */

import type { Usage } from "../interaction/interaction.js";
import type { RequestDiff } from "../traces/request-diff.js";
import type { Part } from "../traces/turn.js";

/** One event in the timeline: no words of it but a few of the first. */
export interface Row {
  readonly id: string;
  /** When the request began, in milliseconds since 1970. */
  readonly at: number;
  /** Name of the app, else of the process, else `unknown`. */
  readonly app: string;
  /** Other names that the app can be asked for by: its id, and the name of the process. */
  readonly appIds: readonly string[];
  readonly user?: string;
  /** Root of the repository, else the folder that the client worked in. */
  readonly project?: string;
  /** Provider, else id of the source. */
  readonly provider: string;
  readonly source: string;
  readonly model?: string;
  readonly type?: string;
  readonly host: string;
  readonly path?: string;
  /** Key of the conversation, which is one of a user. */
  readonly conversation?: string;
  readonly turn?: number;
  readonly agent?: string;
  /** The words that the conversation, or the call that stands alone, began with. */
  readonly words?: string;
  readonly input?: number;
  readonly output?: number;
  readonly cached?: number;
  readonly cost?: number;
  readonly duration?: number;
  readonly status?: number;
  readonly failed?: true;
  /** Why it was seen and not read. */
  readonly reason?: string;
  /** What to do so that it is read. */
  readonly advice?: string;
}

/** Events of `/api/feed`. */
export type FeedMessage =
  /** All that was told before is void. */
  | { readonly kind: "begin"; readonly folder: string }
  | { readonly kind: "rows"; readonly rows: readonly Row[] }
  /** All that is there was told; what follows is new. */
  | { readonly kind: "complete"; readonly left_out: number; readonly unreadable: readonly string[] };

/** A line of `/api/conversation`; texts are cut where they are longer than anybody reads. */
export interface Turn {
  readonly row: Row;
  /** System prompt; only with the first turn that is told of an agent. */
  readonly system?: { readonly text: string; readonly length: number };
  readonly tools?: readonly string[];
  /** What was said since the answer before. */
  readonly said: readonly Part[];
  readonly answer: readonly Part[];
  readonly usage?: Usage;
  readonly finish?: string;
  readonly error?: string;
  /** Against the request before of the same agent. */
  readonly changes?: RequestDiff;
}

/** A line of `/api/search`. */
export interface Match {
  readonly id: string;
  /** What stands around it; only of the first ones. */
  readonly excerpt?: string;
}
