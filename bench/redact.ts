/**
 * What it costs to look for credentials in a value, beside JSON.stringify of the same value: the shortest of
 * many rounds, in one run.
 *
 *   node --import tsx bench/redact.ts
 */
import { randomBytes } from "node:crypto";
import { Redactor } from "../src/event/redact.js";

const PROSE =
  "The quick brown fox is risk-averse: it reads the rules, and asks which of 12 keys is the right one. ";
const CODE = 'const resultOf_12 = await this.service.call({ key: "value-12", timeoutMilliseconds: 1000 });\n';
const chunk = {
  id: "chatcmpl-CrJx4pT9vF0wqkG2b1Zs8hUd3nLm",
  object: "chat.completion.chunk",
  model: "gpt-4o-2024-08-06",
  choices: [{ index: 0, delta: { content: "brown " }, finish_reason: null }],
};
const chatOf = (text: string) => ({ model: "gpt-4o", messages: [{ role: "user", content: text }] });

const VALUES: Record<string, unknown> = {
  "prose 2 KB": chatOf(PROSE.repeat(20)),
  "prose 100 KB": chatOf(PROSE.repeat(1000)),
  "code 100 KB": chatOf(CODE.repeat(1100)),
  "200 chunks": Array.from({ length: 200 }, () => chunk),
  "picture 1 MB": chatOf(`data:image/png;base64,${randomBytes(750_000).toString("base64")}`),
};

function shortest(work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + 1000; performance.now() < end; ) {
    const begun = performance.now();
    work();
    best = Math.min(best, performance.now() - begun);
  }
  return best * 1000;
}

console.log("value            redact µs  stringify µs   times");
for (const [name, value] of Object.entries(VALUES)) {
  // From JSON, as bodies are: what `repeat` makes is not flat in memory.
  const parsed: unknown = JSON.parse(JSON.stringify(value));
  const redact = shortest(() => new Redactor().redact(parsed));
  const stringify = shortest(() => JSON.stringify(parsed));
  const columns = [
    redact.toFixed(1).padStart(9),
    stringify.toFixed(1).padStart(13),
    (redact / stringify).toFixed(2),
  ];
  console.log(name.padEnd(16), columns.join("  "));
}
