/** What was seen but not read, by reason, app and advice. */

import type { Row } from "../wire.js";

export interface Unread {
  readonly reason: string;
  readonly app: string;
  readonly advice: string;
  readonly hosts: readonly string[];
  readonly count: number;
  readonly last: Row;
}

/** Most frequent first. */
export function unreadOf(rows: Iterable<Row>): Unread[] {
  const groups = new Map<string, { hosts: Set<string>; count: number; last: Row }>();
  for (const row of rows) {
    if (row.reason === undefined) continue;
    const key = [row.reason, row.app, row.advice].join("\n");
    const group = groups.get(key) ?? { hosts: new Set<string>(), count: 0, last: row };
    groups.set(key, group);
    group.hosts.add(row.host);
    group.count += 1;
    if (row.at > group.last.at) group.last = row;
  }
  return [...groups.values()]
    .map(({ hosts, count, last }) => ({
      reason: last.reason!,
      app: last.app,
      advice: last.advice ?? "",
      hosts: [...hosts],
      count,
      last,
    }))
    .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
}
