import type { RequestDiff, TextChange } from "../../traces/request-diff.js";
import { Fold } from "./fold.js";
import { count } from "./format.js";
import { Plain } from "./text.js";

const LOST: Record<RequestDiff["cache"]["lostAt"], (same: number) => string> = {
  model: () => "cache lost: each model has its own",
  tools: () => "cache lost from the tools on",
  system: () => "cache lost from the system prompt on",
  messages: (same) => `cache lost from message ${same + 1} on`,
  nowhere: () => "continues the previous request",
};

/** Differences between a request and the previous one. */
export function Changes({ diff }: { readonly diff: RequestDiff }) {
  const { system, tools, messages, fields, cache } = diff;
  const isLost = cache.lostAt !== "nowhere";
  const added = messages.after - messages.same;
  const usage =
    cache.read === undefined
      ? ""
      : `, ${count(cache.read)} of ${count(cache.input ?? 0)} tokens read from it`;
  return (
    <Fold
      class={isLost ? "changes lost" : "changes"}
      title={
        <>
          {LOST[cache.lostAt](messages.same)}
          <span class="dim">
            {usage} · {added} new {added === 1 ? "message" : "messages"}
          </span>
        </>
      }
    >
      {() => (
        <dl class="diff">
          <dt>system prompt</dt>
          <dd>{system === undefined ? "the same" : <Change change={system} />}</dd>
          <dt>tools</dt>
          <dd>{toolsText(tools)}</dd>
          <dt>messages</dt>
          <dd>
            {messages.before} before, {messages.after} now, the first {messages.same} the same
            {messages.change !== undefined && <Change change={messages.change} />}
          </dd>
          {fields.map(({ name, before, after }) => (
            <>
              <dt key={name}>{name}</dt>
              <dd>
                <Change change={{ line: 0, before, after }} />
              </dd>
            </>
          ))}
        </dl>
      )}
    </Fold>
  );
}

function Change({ change: { line, before, after } }: { readonly change: TextChange }) {
  return (
    <div class="change">
      {line > 0 && <span class="dim">line {line}</span>}
      <div class="removed">
        <Plain text={before || "–"} />
      </div>
      <div class="added">
        <Plain text={after || "–"} />
      </div>
    </div>
  );
}

function toolsText({ added, removed, changed, reordered }: RequestDiff["tools"]): string {
  const parts = [
    ["added", added],
    ["removed", removed],
    ["changed", changed],
  ] as const;
  const texts = parts.flatMap(([what, names]) =>
    names.length === 0 ? [] : [`${what}: ${names.join(", ")}`],
  );
  if (reordered) texts.push("in another order");
  return texts.join("; ") || "the same";
}
