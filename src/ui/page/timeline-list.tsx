import { useEffect, useRef } from "preact/hooks";
import { AppMark } from "./app-mark.js";
import { baseName, clock, count, day, duration, money } from "./format.js";
import type { State } from "./store.js";
import { type Item, sumsOf } from "./timeline.js";
import { useVirtual } from "./virtual.js";

interface Props {
  readonly state: State;
  readonly items: readonly Item[];
  readonly by: "conversations" | "calls";
  readonly selected: number;
  readonly opened: string | undefined;
  readonly select: (index: number) => void;
  readonly open: (index: number) => void;
}

const HEIGHT = 60;
const DAY_HEIGHT = 32;

export function TimelineList({ state, items, by, selected, opened, select, open }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const virtual = useVirtual(
    list,
    items.length,
    (index) => HEIGHT + (items[index]?.isFirstOfDay ? DAY_HEIGHT : 0),
    items,
  );
  // Scrolls to the selection, not to new items.
  useEffect(() => {
    if (selected >= 0) virtual.scrollToIndex(selected, { align: "auto" });
  }, [selected]);
  const isSelectedShown = virtual.getVirtualItems().some(({ index }) => index === selected);
  return (
    <section class="list" aria-label="Timeline">
      {items.length === 0 && <Empty state={state} />}
      <div
        ref={list}
        class="scroll"
        role="listbox"
        tabIndex={0}
        aria-label={by === "calls" ? "Calls" : "Conversations"}
        aria-activedescendant={isSelectedShown ? `item-${selected}` : undefined}
      >
        <div role="presentation" style={{ height: `${virtual.getTotalSize()}px`, position: "relative" }}>
          {virtual.getVirtualItems().map(({ index, start, size }) => {
            const item = items[index];
            if (item === undefined) return null;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys (keys.ts)
              <div
                key={item.id}
                id={`item-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={index === selected}
                aria-setsize={items.length}
                aria-posinset={index + 1}
                class={`item ${item.id === opened ? "opened" : ""}`}
                style={{ top: `${start}px`, height: `${size}px` }}
                onClick={() => {
                  select(index);
                  open(index);
                }}
              >
                {item.isFirstOfDay && <div class="day">{day(item.at)}</div>}
                <Line item={item} excerpt={excerptOf(item, state)} />
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}

function excerptOf({ rows }: Item, { found }: State): string | undefined {
  if (found.size === 0) return undefined;
  for (const { id } of rows) {
    const excerpt = found.get(id);
    if (excerpt) return excerpt;
  }
  return undefined;
}

function Line({ item, excerpt }: { readonly item: Item; readonly excerpt: string | undefined }) {
  const { models, input, output, cost, failed, agents, words } = sumsOf(item);
  const first = item.rows[0]!;
  const calls = item.rows.length;
  const isUnread = first.reason !== undefined && calls === 1;
  return (
    <>
      <div class="line">
        <time>{clock(item.at)}</time>
        <AppMark app={first.app} />
        <span class="dim model">{models.join(", ") || first.provider}</span>
        {first.project !== undefined && <span class="dim project">{baseName(first.project)}</span>}
        <span class="numbers">
          {failed > 0 && <b class="bad">{calls === 1 ? (first.status ?? "failed") : `${failed} failed`}</b>}
          {calls > 1 && <span>{calls} calls</span>}
          {agents > 0 && (
            <span class="more">
              {agents} {agents === 1 ? "agent" : "agents"}
            </span>
          )}
          {calls === 1 && first.duration !== undefined && !isUnread && (
            <span>{duration(first.duration)}</span>
          )}
          {input + output > 0 && (
            <span class="more">
              {count(input)} in {count(output)} out
            </span>
          )}
          {cost > 0 && <span>{money(cost)}</span>}
        </span>
      </div>
      <div class="words" dir="auto">
        {isUnread ? <span class="warn">not read: {first.reason}</span> : null}
        {excerpt ?? (isUnread ? ` ${first.host}` : words)}
      </div>
    </>
  );
}

function Empty({ state: { rows, link, folder, search } }: { readonly state: State }) {
  if (link === "loading" || search === "running") return <p class="empty">Reading …</p>;
  if (rows.length > 0) return <p class="empty">No matches. Change the filters or the text.</p>;
  return (
    <div class="empty">
      <h2>No events yet</h2>
      <p>
        Events are written to <code>{folder}</code> and appear here at once. Start a capture in a terminal:
      </p>
      <pre>sudo oximy local</pre>
      <p>or, without root, capture one command:</p>
      <pre>oximy run -- python3 my_agent.py</pre>
    </div>
  );
}
