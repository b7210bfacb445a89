import { useMemo } from "preact/hooks";
import type { Row } from "../wire.js";
import { AppMark } from "./app-mark.js";
import { clock, day, whole } from "./format.js";
import type { State } from "./store.js";
import { sentenceOf } from "./turn-view.js";
import { unreadOf } from "./unread.js";

/** Connections and calls that were seen but not read, why, and what to do. */
export function UnreadView({ rows, link }: { readonly rows: readonly Row[]; readonly link: State["link"] }) {
  const groups = useMemo(() => unreadOf(rows), [rows]);
  if (groups.length === 0) {
    return <p class="empty">{link === "loading" ? "Reading …" : "Everything that was seen was read."}</p>;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable by keyboard
    <section class="unread" aria-label="Seen but not read" tabIndex={0}>
      {groups.map(({ reason, app, advice, hosts, count, last }) => (
        <article key={`${reason}${app}${advice}`}>
          <h2>
            <AppMark app={app} /> <code>{reason}</code>{" "}
            <span class="dim">
              {whole(count)} × · last {day(last.at)} {clock(last.at)}
            </span>
          </h2>
          <p>{sentenceOf(reason)}</p>
          <p>
            <b>Advice:</b> {advice}.
          </p>
          <p class="dim">
            {hosts.slice(0, 8).join(", ")}
            {hosts.length > 8 && ` and ${hosts.length - 8} others`} ·{" "}
            <a href={`#/timeline/${last.id}`}>latest</a>
          </p>
        </article>
      ))}
    </section>
  );
}
