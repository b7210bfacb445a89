/** The page's state: the rows as they arrive, the filter, and the search results. */

import { useEffect, useState } from "preact/hooks";
import type { FeedMessage, Match, Row } from "../wire.js";
import { linesOf } from "./answers.js";
import { ALL, type Filter, matcher } from "./filter.js";
import { parseVisible } from "./visible.js";

export type Search = "none" | "running" | "done" | { readonly failed: string };

export interface State {
  readonly rows: readonly Row[];
  /** Rows that match the filter. */
  readonly shown: readonly Row[];
  readonly filter: Filter;
  readonly folder: string;
  readonly link: "loading" | "live" | "lost";
  readonly leftOut: number;
  /** Paths of files that cannot be read. */
  readonly unreadable: readonly string[];
  readonly search: Search;
  /** Excerpts around the matched text, by event id. */
  readonly found: ReadonlyMap<string, string>;
}

/** While rows arrive, the view is updated at most this often. */
const PACE_MS = 200;
/** A search starts after this time without a key press. */
const TYPING_MS = 120;

export class Store {
  state: State = {
    rows: [],
    shown: [],
    filter: ALL,
    folder: "",
    link: "loading",
    leftOut: 0,
    unreadable: [],
    search: "none",
    found: new Map(),
  };
  private readonly listeners = new Set<() => void>();
  private readonly strings = new Map<string, string>();
  private readonly rows: Row[] = [];
  private readonly found = new Map<string, string>();
  private cost = 0;
  private due: ReturnType<typeof setTimeout> | undefined;
  private searching: AbortController | undefined;

  /** Connects to the feed for the lifetime of the page. */
  connect(): void {
    const feed = new EventSource("api/feed");
    feed.onmessage = ({ data }: MessageEvent<string>) => this.take(parseVisible(data) as FeedMessage);
    // EventSource reconnects by itself; it fails if a new server has taken the port.
    feed.onerror = () => this.set({ link: "lost" });
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  setFilter(change: Partial<Filter>): void {
    const filter = { ...this.state.filter, ...change };
    if (filter.text !== this.state.filter.text) this.search(filter.text);
    this.set({ filter });
    this.show();
  }

  private take(message: FeedMessage): void {
    if (message.kind === "begin") {
      this.rows.length = 0;
      this.set({ folder: message.folder, link: "loading" });
    } else if (message.kind === "complete") {
      this.set({ link: "live", leftOut: message.left_out, unreadable: message.unreadable });
      this.show();
    } else {
      for (const row of message.rows) this.rows.push(this.compact(row));
      // Shows the first batch at once, later ones at a limited rate.
      if (this.rows.length === message.rows.length) this.show();
      else this.showSoon();
    }
  }

  /** Saves memory: interns names, of which there are few, and gives each row the same shape. */
  private compact(row: Row): Row {
    const one = (text: string | undefined) => {
      if (text === undefined) return undefined;
      const known = this.strings.get(text);
      if (known === undefined) this.strings.set(text, text);
      return known ?? text;
    };
    return {
      ...row,
      app: one(row.app)!,
      appIds: NONE,
      ...(row.user !== undefined && { user: one(row.user)! }),
      ...(row.project !== undefined && { project: one(row.project)! }),
      provider: one(row.provider)!,
      source: one(row.source)!,
      ...(row.model !== undefined && { model: one(row.model)! }),
      ...(row.type !== undefined && { type: one(row.type)! }),
      host: one(row.host)!,
      ...(row.path !== undefined && { path: one(row.path)! }),
      ...(row.conversation !== undefined && { conversation: one(row.conversation)! }),
      ...(row.agent !== undefined && { agent: one(row.agent)! }),
      ...(row.reason !== undefined && { reason: one(row.reason)! }),
      ...(row.advice !== undefined && { advice: one(row.advice)! }),
    };
  }

  private search(text: string): void {
    this.searching?.abort();
    this.searching = undefined;
    this.found.clear();
    if (text === "") {
      this.set({ search: "none", found: new Map() });
      return;
    }
    const searching = new AbortController();
    this.searching = searching;
    this.set({ search: "running", found: this.found });
    setTimeout(() => void this.request(text, searching.signal), TYPING_MS);
  }

  private async request(text: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      for await (const { id, excerpt } of linesOf<Match>(
        `api/search?text=${encodeURIComponent(text)}`,
        signal,
      )) {
        this.found.set(id, excerpt ?? "");
        if (this.found.size === 1) this.show();
        else this.showSoon();
      }
      this.set({ search: "done" });
    } catch (error) {
      if (!signal.aborted) this.set({ search: { failed: (error as Error).message } });
    }
    if (!signal.aborted) this.show();
  }

  /** The cost of showing rows grows with their number: most of the time is left for user input. */
  private showSoon(): void {
    this.due ??= setTimeout(
      () => {
        const begun = performance.now();
        this.show();
        setTimeout(() => {
          this.cost = performance.now() - begun;
        });
      },
      Math.max(PACE_MS, 4 * this.cost),
    );
  }

  private show(): void {
    clearTimeout(this.due);
    this.due = undefined;
    const shown = this.rows.filter(matcher(this.state.filter, this.found));
    this.set({ rows: this.rows, shown });
  }

  private set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

const NONE: readonly string[] = [];

export function useStore(store: Store): State {
  const [state, setState] = useState(store.state);
  useEffect(() => {
    setState(store.state);
    return store.subscribe(() => setState(store.state));
  }, [store]);
  return state;
}
