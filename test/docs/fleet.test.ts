import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { hostAttributes } from "../../src/sinks/otlp/mapping.js";
import { Telemetry } from "../../src/sinks/otlp/telemetry.js";
import { summarise } from "../../src/traces/event-stats.js";
import { SAMPLE_INTERACTION, SAMPLE_METADATA, sampleEvent } from "../sinks/sample-event.js";

interface Session {
  query(sql: string, format?: string): string;
  cleanup(): void;
}

/** ClickHouse within a process: no dependency, it has hundreds of megabytes. */
function chdb(): (new () => Session) | undefined {
  try {
    return (createRequire(import.meta.url)("chdb") as { Session: new () => Session }).Session;
  } catch {
    return undefined;
  }
}

const document = readFileSync(new URL("../../docs/fleet.md", import.meta.url), "utf8");
const [view, ...queries] = [...document.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql]) => sql!);
const Clickhouse = chdb();

/** The columns of the exporter's table that are asked for. */
const TABLE = `CREATE TABLE otel_traces (Timestamp DateTime64(9), TraceId String, SpanId String,
  ServiceName LowCardinality(String), SpanName LowCardinality(String), Duration UInt64,
  ResourceAttributes Map(LowCardinality(String), String), SpanAttributes Map(LowCardinality(String), String)
) ENGINE = MergeTree ORDER BY Timestamp`;

function events(): OximyEvent[] {
  return Array.from({ length: 60 }, (_, index) => {
    const usage = { input_tokens: 100 + index, output_tokens: index, cache_read_tokens: index * 2 };
    return sampleEvent({
      event_id: `019ba454-e7b4-7600-9e5e-${String(index).padStart(12, "0")}`,
      client: { port: 1, name: index % 2 === 0 ? "node" : "python3", user: "ana" },
      ...(index % 3 === 0 && { app: { id: "cursor", name: "Cursor", matched_by: "executable" as const } }),
      interaction: {
        ...SAMPLE_INTERACTION,
        type: index % 10 === 9 ? "token_count" : "chat",
        cost_usd: index / 1000,
        response: { ...SAMPLE_INTERACTION.response, usage },
      },
      metadata: { ...SAMPLE_METADATA, response_status: index % 7 === 0 ? 429 : 200 },
    });
  });
}

const texts = (attributes: object) =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, String(value)]));

function rowsOf(all: readonly OximyEvent[]): string {
  const host = hostAttributes({ name: "laptop", arch: "x64", system: "linux" });
  const telemetry = new Telemetry({ host, names: "latest", content: false, version: "0" });
  return all
    .map((event) => {
      const { name, attributes, resource, duration, spanContext } = telemetry.span(event)!;
      const { traceId, spanId } = spanContext();
      return JSON.stringify({
        Timestamp: event.timestamp.replace("T", " ").replace("Z", ""),
        TraceId: traceId,
        SpanId: spanId,
        ServiceName: String(resource.attributes["service.name"]),
        SpanName: name,
        Duration: duration[0] * 1e9 + duration[1],
        ResourceAttributes: texts(resource.attributes),
        SpanAttributes: texts(attributes),
      });
    })
    .join("\n");
}

test.runIf(Clickhouse !== undefined)("the queries of docs/fleet.md give what oximy stats gives", async () => {
  const session = new Clickhouse!();
  try {
    const all = events();
    session.query("CREATE DATABASE fleet ENGINE = Atomic");
    session.query("USE fleet");
    session.query(TABLE);
    // Some came twice.
    session.query(`INSERT INTO otel_traces FORMAT JSONEachRow ${rowsOf([...all, ...all.slice(0, 9)])}`);
    session.query(view!);
    const { tables } = await summarise(all, [["app"], ["day"]]);
    const byApp = rowsFrom(
      session.query(queries.find((sql) => sql.includes("GROUP BY app"))!, "JSONEachRow"),
    );
    const known = tables[0]!.rows.map(
      ({ keys, calls, failed, input_tokens, cache_read_tokens, output_tokens }) => ({
        app: keys[0],
        calls,
        failed,
        input_tokens,
        cache_read_tokens,
        output_tokens,
      }),
    );
    const sorted = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();
    expect(sorted(byApp.map(({ cost_usd, ...row }) => row))).toEqual(sorted(known));
    const cost = tables[0]!.rows.reduce((sum, row) => sum + row.cost_usd, 0);
    expect(byApp.reduce((sum, row) => sum + Number(row.cost_usd), 0)).toBeCloseTo(cost, 9);
    for (const sql of queries) session.query(sql, "JSONEachRow");
  } finally {
    session.cleanup();
  }
});

const rowsFrom = (lines: string) =>
  lines
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string | number>)
    .map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, name === "app" ? value : Number(value)]),
      ),
    );

test("docs/fleet.md has a view and the queries that read it", () => {
  expect(view).toContain("CREATE VIEW calls AS");
  expect(queries.length).toBeGreaterThanOrEqual(5);
  for (const sql of queries) expect(sql).toContain("FROM calls");
});

test("the settings that docs/fleet.md fixes are keys of options", async () => {
  const { CAPTURE_OPTIONS } = await import("../../src/cli/capture-options.js");
  const [, json] = /```json\n([\s\S]*?)```/.exec(document)!;
  const known = new Map(CAPTURE_OPTIONS.map(({ key, parse }) => [key, parse]));
  for (const [key, value] of Object.entries(JSON.parse(json!) as object))
    expect(() => known.get(key)!(String(value))).not.toThrow();
});
