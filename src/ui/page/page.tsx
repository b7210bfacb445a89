import { useMemo, useState } from "preact/hooks";
import type { Row } from "../wire.js";
import { Conversation } from "./conversation.js";
import { Filters } from "./filters.js";
import { Help } from "./help.js";
import { useKeys } from "./keys.js";
import { goTo, usePlace, VIEWS, type View } from "./place.js";
import { type State, type Store, useStore } from "./store.js";
import { itemsOf } from "./timeline.js";
import { TimelineList } from "./timeline-list.js";
import { UnreadView } from "./unread-view.js";
import { UsageView } from "./usage-view.js";

const NAMES: Record<View, string> = { timeline: "Timeline", usage: "Usage", unread: "Not read" };

export function Page({ store }: { readonly store: Store }) {
  const state = useStore(store);
  const place = usePlace();
  const [by, setBy] = useState<"conversations" | "calls">("conversations");
  const [helps, setHelps] = useState(false);
  const [selected, setSelected] = useState(-1);
  const items = useMemo(() => itemsOf(state.shown, by), [state.shown, by]);
  const calls = useMemo(() => callsOf(state.rows, place.event), [state.rows.length, state.link, place.event]);
  const open = (index: number) => {
    const item = items[index];
    if (item === undefined) return;
    setSelected(index);
    goTo({ view: "timeline", event: item.id });
  };
  useKeys({
    move: (step) => setSelected((now) => Math.max(0, Math.min(items.length - 1, now + step))),
    enter: () => open(selected),
    escape: () => {
      if (helps) setHelps(false);
      else if (place.event !== undefined) goTo({ view: "timeline" });
    },
    help: () => setHelps((now) => !now),
    view: (index) => goTo({ view: VIEWS[index] ?? "timeline" }),
    isListShown: place.view === "timeline",
  });
  return (
    <div class={`page ${place.event === undefined ? "" : "opened"}`}>
      <header>
        <h1>Oximy</h1>
        <nav aria-label="Views">
          {VIEWS.map((view) => (
            <a key={view} href={`#/${view}`} aria-current={view === place.view ? "page" : undefined}>
              {NAMES[view]}
            </a>
          ))}
        </nav>
        <LinkState state={state} />
        <button type="button" class="plain" aria-label="Keys" title="Keys (?)" onClick={() => setHelps(true)}>
          ?
        </button>
      </header>
      <Filters state={state} store={store} by={by} setBy={setBy} view={place.view} />
      <main>
        {place.view === "timeline" && (
          <>
            <TimelineList
              state={state}
              items={items}
              by={by}
              selected={selected}
              opened={place.event}
              select={setSelected}
              open={open}
            />
            {place.event !== undefined && (
              <Conversation key={place.event} event={place.event} calls={calls} />
            )}
          </>
        )}
        {place.view === "usage" && <UsageView rows={state.shown} />}
        {place.view === "unread" && <UnreadView rows={state.shown} link={state.link} />}
      </main>
      {helps && <Help close={() => setHelps(false)} />}
    </div>
  );
}

/** Number of known calls in an event's conversation. */
function callsOf(rows: readonly Row[], event: string | undefined): number {
  const row = event === undefined ? undefined : rows.findLast(({ id }) => id === event);
  if (row?.conversation === undefined) return row === undefined ? 0 : 1;
  return rows.filter(({ conversation }) => conversation === row.conversation).length;
}

function LinkState({ state: { link, rows, leftOut, unreadable } }: { readonly state: State }) {
  const text = { loading: "reading", live: "live", lost: "oximy ui has stopped" }[link];
  return (
    <p class={`link ${link}`} role="status">
      {rows.length.toLocaleString("en")} events · {text}
      {leftOut > 0 && ` · ${leftOut} older files not loaded`}
      {unreadable.length > 0 && (
        <span class="bad" title={unreadable.join("\n")}>
          {` · ${unreadable.length} files could not be read`}
        </span>
      )}
    </p>
  );
}
