import { useEffect, useRef, useState } from "preact/hooks";
import type { Turn } from "../wire.js";
import { linesOf } from "./answers.js";
import { AppMark } from "./app-mark.js";
import { Fold } from "./fold.js";
import { clock, count, day, whole } from "./format.js";
import { goTo } from "./place.js";
import { TurnView } from "./turn-view.js";

/** Turns in the document before the user asks for more. */
const STEP = 50;
const PACE_MS = 100;
/** While calls arrive, all turns are read again at most this often. */
const AGAIN_MS = 1_000;

interface Props {
  readonly event: string;
  /** Number of known calls of the conversation: it is read again when this changes. */
  readonly calls: number;
}

/** The conversation that an event belongs to, or the event alone. */
export function Conversation({ event, calls }: Props) {
  const { turns, isDone, error } = useTurns(event, calls);
  const [shown, setShown] = useState(STEP);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const first = turns[0];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable by keyboard
    <article class="detail" aria-label="Conversation" tabIndex={0}>
      <div class="top">
        <button
          type="button"
          class="plain"
          aria-label="Close"
          title="Close (Esc)"
          onClick={() => goTo({ view: "timeline" })}
        >
          ✕
        </button>
        <h2 ref={heading} tabIndex={-1}>
          {first === undefined ? "Conversation" : <AppMark app={first.row.app} />}
        </h2>
        <p class="dim">{headline(turns)}</p>
      </div>
      {error !== undefined && <p class="bad">{error}</p>}
      {isDone && first === undefined && error === undefined && (
        <p class="empty">This event no longer exists.</p>
      )}
      {first?.system !== undefined && <System {...first.system} />}
      {first?.tools !== undefined && <Tools names={first.tools} />}
      {turns.slice(0, shown).map((turn) => (
        <TurnView key={turn.row.id} turn={turn} />
      ))}
      {!isDone && <p class="dim">Reading …</p>}
      {turns.length > shown && (
        <button type="button" onClick={() => setShown(shown + 4 * STEP)}>
          Show more of the {turns.length - shown} remaining calls
        </button>
      )}
    </article>
  );
}

function System({ text, length }: { readonly text: string; readonly length: number }) {
  return (
    <Fold
      class="system"
      title={
        <>
          system prompt <span class="dim">{whole(length)} characters</span>
        </>
      }
    >
      {() => <pre class="text">{text}</pre>}
    </Fold>
  );
}

function Tools({ names }: { readonly names: readonly string[] }) {
  return (
    <Fold
      class="system"
      title={
        <>
          tools <span class="dim">{names.length}</span>
        </>
      }
    >
      {() => <p>{names.join(", ")}</p>}
    </Fold>
  );
}

function headline(turns: readonly Turn[]): string {
  const [first, last] = [turns[0]?.row, turns.at(-1)?.row];
  if (first === undefined || last === undefined) return "";
  const sum = (of: (turn: Turn) => number | undefined) =>
    turns.reduce((all, turn) => all + (of(turn) ?? 0), 0);
  return [
    `${day(first.at)} ${clock(first.at)}${turns.length > 1 ? ` – ${clock(last.at)}` : ""}`,
    first.user,
    first.project,
    `${turns.length} ${turns.length === 1 ? "call" : "calls"}`,
    `${count(sum(({ row }) => row.input))} in ${count(sum(({ row }) => row.output))} out`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function useTurns(event: string, calls: number) {
  const [state, setState] = useState<{ turns: readonly Turn[]; isDone: boolean; error?: string }>({
    turns: [],
    isDone: false,
  });
  const begun = useRef(false);
  useEffect(() => {
    const gone = new AbortController();
    const turns: Turn[] = [];
    let drawn = 0;
    // Keeps the current turns until there are more.
    const draw = (isDone: boolean) =>
      setState((now) => (isDone || turns.length > now.turns.length ? { turns: [...turns], isDone } : now));
    const read = async () => {
      for await (const turn of linesOf<Turn>(
        `api/conversation?event=${encodeURIComponent(event)}`,
        gone.signal,
      )) {
        turns.push(turn);
        if (performance.now() - drawn < PACE_MS) continue;
        drawn = performance.now();
        draw(false);
      }
      draw(true);
    };
    const failed = (error: Error) => {
      if (!gone.signal.aborted) setState({ turns, isDone: true, error: error.message });
    };
    const due = setTimeout(() => read().catch(failed), begun.current ? AGAIN_MS : 0);
    begun.current = true;
    return () => {
      clearTimeout(due);
      gone.abort();
    };
    // A change of `calls` means that there are more turns.
  }, [event, calls]);
  return state;
}
