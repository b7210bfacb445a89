import { REASONS } from "../../connection/reasons.js";
import type { Turn } from "../wire.js";
import { Changes } from "./changes.js";
import { Fold } from "./fold.js";
import { clock, count, duration, money } from "./format.js";
import { PartView } from "./part.js";
import { Raw } from "./raw.js";

/** One call. */
export function TurnView({ turn }: { readonly turn: Turn }) {
  const { row, said, answer, changes, error } = turn;
  return (
    <section
      class={row.agent === undefined ? "turn" : "turn of-agent"}
      aria-label={`Call at ${clock(row.at)}`}
    >
      <h3>
        <time>{clock(row.at)}</time>
        {headParts(turn).map((part) => (
          <span key={part}>{part}</span>
        ))}
        {row.status !== undefined && row.status >= 400 && <b class="bad">{row.status}</b>}
      </h3>
      {changes !== undefined && <Changes diff={changes} />}
      {said.map((part, index) => (
        <PartView key={`s${index}`} part={part} />
      ))}
      {answer.map((part, index) => (
        <PartView key={`a${index}`} part={part} />
      ))}
      {error !== undefined && <p class="bad">{error}</p>}
      {row.reason !== undefined && (
        <p class="warn">
          Not read: {sentenceOf(row.reason)} {row.advice !== undefined && `Advice: ${row.advice}.`}
        </p>
      )}
      <Fold class="raw" title="raw event">
        {() => <Raw event={row.id} />}
      </Fold>
    </section>
  );
}

export function sentenceOf(reason: string): string {
  return Object.hasOwn(REASONS, reason) ? REASONS[reason as keyof typeof REASONS] : reason;
}

function headParts({ row, usage, finish }: Turn): string[] {
  return [
    row.turn === undefined ? undefined : `turn ${row.turn}`,
    row.agent === undefined ? undefined : `agent ${row.agent.slice(0, 13)}`,
    row.model ?? row.host,
    usage?.input_tokens === undefined && usage?.output_tokens === undefined
      ? undefined
      : `${count(usage.input_tokens ?? 0)} in ${count(usage.output_tokens ?? 0)} out`,
    usage?.cache_read_tokens === undefined ? undefined : `${count(usage.cache_read_tokens)} from the cache`,
    usage?.reasoning_tokens === undefined ? undefined : `${count(usage.reasoning_tokens)} thought`,
    row.cost === undefined ? undefined : money(row.cost),
    row.duration === undefined ? undefined : duration(row.duration),
    finish,
  ].filter((part) => part !== undefined);
}
