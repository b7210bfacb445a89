import type { ProcessIdentity } from "../connection/client.js";
import type { App } from "../oisp/bundle.js";
import { type AppFilter, isMetBy, processNames } from "./filter.js";

const MAX_SUGGESTIONS = 3;

/**
 * One sentence for each term that matches no app of the bundle and no running process: it may be a typo, or an app that
 * is started later.
 */
export function unknownTermWarnings(
  filter: AppFilter,
  apps: readonly App[],
  running: readonly ProcessIdentity[],
): string[] {
  const known = [...new Set([...apps.flatMap(namesOfApp), ...running.flatMap(processNames)])];
  return filter.terms.flatMap(({ term, condition }) => {
    if (running.some((process) => isMetBy(condition, process))) return [];
    if (condition.kind !== "name") return [`No running process matches "${term}" now.`];
    if (known.some((name) => name.toLowerCase() === condition.name)) return [];
    const near = nearNames(condition.name, known);
    const question = near.length > 0 ? ` Did you mean ${near.join(", ")}?` : "";
    return [`No app of the bundle and no running process is called "${term}".${question}`];
  });
}

function namesOfApp(app: App): string[] {
  const { bundleIds, executables, applicationIds, scripts } = app.signatures;
  return [
    app.id,
    app.name,
    ...bundleIds,
    ...executables.linux,
    ...executables.darwin,
    ...applicationIds,
    ...scripts,
  ];
}

/** Names that contain the term, or differ from it by a few edits; nearest first, no two that differ only in case. */
function nearNames(term: string, known: readonly string[]): string[] {
  const limit = Math.max(1, Math.floor(term.length / 3));
  const distances = new Map<string, number>();
  for (const name of known.map((candidate) => candidate.toLowerCase())) {
    const distance = term.length > 2 && name.includes(term) ? 0 : editDistance(term, name);
    if (distance <= limit) distances.set(name, distance);
  }
  const nearest = [...distances].sort(([a, near], [b, far]) => near - far || a.length - b.length);
  return nearest.slice(0, MAX_SUGGESTIONS).map(([name]) => name);
}

/** Number of edits that turn `from` into `to` (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, place) => place);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
