import { useMemo } from "preact/hooks";
import type { Row } from "../wire.js";
import { type Filter, statusesOf, valuesOf } from "./filter.js";
import { baseName, count } from "./format.js";
import { SEARCH_ID } from "./keys.js";
import type { View } from "./place.js";
import type { Search, State, Store } from "./store.js";

type By = "conversations" | "calls";

interface Props {
  readonly state: State;
  readonly store: Store;
  readonly by: By;
  readonly setBy: (by: By) => void;
  readonly view: View;
}

const FIELDS: readonly [keyof Filter & keyof Row & ("app" | "provider" | "model" | "project"), string][] = [
  ["app", "all apps"],
  ["provider", "all providers"],
  ["model", "all models"],
  ["project", "all projects"],
];

const HOUR = 3_600_000;
const SINCE: readonly [string, number][] = [
  ["all time", 0],
  ["last hour", HOUR],
  ["last day", 24 * HOUR],
  ["last 7 days", 7 * 24 * HOUR],
  ["last 30 days", 30 * 24 * HOUR],
];

/** Growth of the number of rows after which the choices are recomputed, instead of with each row. */
const STEP = 1.1;

export function Filters({ state, store, by, setBy, view }: Props) {
  const { filter, rows, shown, search } = state;
  const step = Math.ceil(Math.log(rows.length + 1) / Math.log(STEP));
  // With 100,000 rows, one more hardly changes the choices.
  const choices = useMemo(
    () => FIELDS.map(([field, all]) => [field, all, valuesOf(rows, (row) => row[field])] as const),
    [step, rows],
  );
  const statuses = useMemo(() => statusesOf(rows), [step, rows]);
  const unread = useMemo(() => shown.filter(({ reason }) => reason !== undefined).length, [shown]);
  const set = (change: Partial<Filter>) => store.setFilter(change);
  return (
    <search class="filters">
      <input
        id={SEARCH_ID}
        type="search"
        placeholder="Search ( / )"
        aria-label="Search in all content"
        value={filter.text}
        maxLength={500}
        onInput={({ currentTarget }) => set({ text: currentTarget.value })}
      />
      {choices.map(([field, all, values]) => (
        <Choice
          key={field}
          label={field}
          value={filter[field]}
          onChange={(value) => set({ [field]: value })}
          options={[
            ["", all],
            ...values
              .slice(0, 200)
              .map(
                ([value, many]) =>
                  [value, `${field === "project" ? baseName(value) : value} (${count(many)})`] as const,
              ),
          ]}
        />
      ))}
      <Choice
        label="status"
        value={filter.status}
        onChange={(status) => set({ status })}
        options={[
          ["", "all statuses"],
          ...statuses.map(([status, many]) => [status, `${status} (${count(many)})`] as const),
        ]}
      />
      <Choice
        label="since"
        value={String(SINCE.find(([, ago]) => ago === agoOf(filter.since))?.[1] ?? 0)}
        onChange={(value) => set({ since: value === "0" ? 0 : Date.now() - Number(value) })}
        options={SINCE.map(([name, ago]) => [String(ago), name] as const)}
      />
      <Choice
        label="kind"
        value={filter.show}
        onChange={(value) => set({ show: value as Filter["show"] })}
        options={[
          ["all", "read or not"],
          ["read", "read"],
          ["failed", "with errors"],
          ["unread", "not read"],
        ]}
      />
      {view === "timeline" && (
        <Choice
          label="list"
          value={by}
          onChange={(value) => setBy(value as By)}
          options={[
            ["conversations", "conversations"],
            ["calls", "calls"],
          ]}
        />
      )}
      <p class="matches" role="status">
        {searchText(search, view === "unread" ? unread : shown.length)}
      </p>
    </search>
  );
}

/** The span by which a time was chosen: the nearest one. */
function agoOf(since: number): number {
  if (since === 0) return 0;
  const ago = Date.now() - since;
  return SINCE.reduce(
    (best, [, span]) => (span > 0 && Math.abs(span - ago) < Math.abs(best - ago) ? span : best),
    HOUR,
  );
}

function searchText(search: Search, many: number): string {
  const found = `${many.toLocaleString("en")} shown`;
  if (typeof search === "object") return search.failed;
  return search === "running" ? `${found}, searching …` : found;
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [string, string])[];
  readonly onChange: (value: string) => void;
}

export function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <select
      aria-label={label}
      class={value === options[0]?.[0] ? "" : "chosen"}
      value={value}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    >
      {options.map(([option, name]) => (
        <option key={option} value={option}>
          {name}
        </option>
      ))}
    </select>
  );
}
