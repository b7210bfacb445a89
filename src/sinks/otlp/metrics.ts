/** Sums and histograms over events, by app and by the attributes that the conventions require. */

import { type HrTime, ValueType } from "@opentelemetry/api";
import { ProtobufMetricsSerializer } from "@opentelemetry/otlp-transformer";
import type { Resource } from "@opentelemetry/resources";
import type { OximyEvent } from "../../event/event.js";
import type { OtlpSettings } from "../../user/otlp-settings.js";
import {
  type AttributeSet,
  COUNTER_ATTRIBUTES,
  commonAttributes,
  DURATION_BOUNDARIES,
  DURATION_METRIC,
  errorAttributes,
  serviceName,
  TOKEN_BOUNDARIES,
  TOKEN_COUNTERS,
  TOKEN_HISTOGRAM,
  TOKEN_TYPE,
  usageOf,
} from "./mapping.js";
import { MCP_DURATION_BOUNDARIES, MCP_DURATION_METRIC } from "./mcp-mapping.js";
import { hrTime, type Telemetry } from "./telemetry.js";

type ResourceMetrics = Parameters<typeof ProtobufMetricsSerializer.serializeRequest>[0];
type MetricData = ResourceMetrics["scopeMetrics"][number]["metrics"][number];

/** Most attribute sets; further ones share one series (specification, metrics SDK, "Cardinality limits"). */
const MAX_SERIES = 2_000;
const OVERFLOW: AttributeSet = { "otel.metric.overflow": true };
/** Values of the SDK's enums, of which only the types are needed here. */
const [DELTA, CUMULATIVE] = [0, 1];
const [HISTOGRAM, SUM] = [0, 3];

interface Series {
  readonly app: string;
  readonly metric: string;
  readonly attributes: AttributeSet;
  /** Only for histograms. */
  readonly boundaries?: number[];
  readonly counts: number[];
  count: number;
  sum: number;
  min: number;
  max: number;
}

export class Metrics {
  private readonly series = new Map<string, Series>();
  private readonly resources = new Map<string, Resource>();
  private start: HrTime;

  constructor(
    private readonly telemetry: Telemetry,
    private readonly settings: Pick<OtlpSettings, "names" | "temporality">,
    now = Date.now(),
  ) {
    this.start = hrTime(now);
  }

  get isEmpty(): boolean {
    return this.series.size === 0;
  }

  add(event: OximyEvent): void {
    if (event.interaction === undefined) return;
    const app = serviceName(event);
    if (!this.resources.has(app)) this.resources.set(app, this.telemetry.appResource(event));
    const common = commonAttributes(event);
    const usage = usageOf(event);
    const { names } = this.settings;
    if (event.timing.duration_ms !== undefined) {
      const seconds = event.timing.duration_ms / 1000;
      const attributes = { ...common, ...errorAttributes(event) };
      const [metric, boundaries] =
        event.mcp === undefined
          ? [DURATION_METRIC[names], DURATION_BOUNDARIES]
          : [MCP_DURATION_METRIC, MCP_DURATION_BOUNDARIES];
      this.record(app, metric, attributes, seconds, boundaries);
    }
    if (names === "latest") {
      for (const [metric, field] of Object.entries(TOKEN_COUNTERS)) {
        const value = usage[field];
        if (value !== undefined) this.record(app, metric, { ...common, ...COUNTER_ATTRIBUTES }, value);
      }
      return;
    }
    for (const [type, value] of [
      ["input", usage.input_tokens],
      ["output", usage.output_tokens],
    ] as const) {
      if (value === undefined) continue;
      this.record(app, TOKEN_HISTOGRAM, { ...common, [TOKEN_TYPE]: type }, value, TOKEN_BOUNDARIES);
    }
  }

  /** The request as protobuf; undefined when there is no data. With delta temporality it resets all series. */
  take(now = Date.now()): Uint8Array | undefined {
    if (this.isEmpty) return undefined;
    const end = hrTime(now);
    const isDelta = this.settings.temporality === "delta";
    const requests = [...this.resources].map(([app, resource]) =>
      ProtobufMetricsSerializer.serializeRequest({
        resource,
        scopeMetrics: [{ scope: this.telemetry.scope, metrics: this.metricsOf(app, end, isDelta) }],
      }),
    );
    if (isDelta) {
      this.series.clear();
      this.resources.clear();
      this.start = end;
    }
    // Concatenated messages parse as one message with the members of all of them (protobuf, "Last One Wins").
    return Buffer.concat(requests.filter((request) => request !== undefined));
  }

  private record(
    app: string,
    metric: string,
    attributes: AttributeSet,
    value: number,
    boundaries?: number[],
  ): void {
    const series = this.seriesOf(app, metric, attributes, boundaries);
    series.count += 1;
    series.sum += value;
    series.min = Math.min(series.min, value);
    series.max = Math.max(series.max, value);
    if (boundaries === undefined) return;
    // Bounds are inclusive.
    const bucket = boundaries.findIndex((boundary) => value <= boundary);
    series.counts[bucket < 0 ? boundaries.length : bucket]! += 1;
  }

  private seriesOf(app: string, metric: string, attributes: AttributeSet, boundaries?: number[]): Series {
    const keyOf = (set: AttributeSet) => `${app}\0${metric}\0${JSON.stringify(set)}`;
    const known = this.series.get(keyOf(attributes));
    if (known !== undefined) return known;
    const set = this.series.size < MAX_SERIES ? attributes : OVERFLOW;
    const key = keyOf(set);
    let series = this.series.get(key);
    if (series === undefined) {
      const counts = boundaries === undefined ? [] : Array<number>(boundaries.length + 1).fill(0);
      const [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      series = {
        app,
        metric,
        attributes: set,
        counts,
        count: 0,
        sum: 0,
        min,
        max,
        ...(boundaries && { boundaries }),
      };
      this.series.set(key, series);
    }
    return series;
  }

  private metricsOf(app: string, endTime: HrTime, isDelta: boolean): MetricData[] {
    const byMetric = new Map<string, Series[]>();
    for (const series of this.series.values()) {
      if (series.app !== app) continue;
      byMetric.set(series.metric, [...(byMetric.get(series.metric) ?? []), series]);
    }
    const aggregationTemporality = isDelta ? DELTA : CUMULATIVE;
    const startTime = this.start;
    return [...byMetric].map(([name, all]) => {
      const isTime = name === DURATION_METRIC[this.settings.names] || name === MCP_DURATION_METRIC;
      const descriptor = {
        name,
        description: "",
        unit: isTime ? "s" : "{token}",
        valueType: isTime ? ValueType.DOUBLE : ValueType.INT,
      };
      const [{ boundaries }] = all as [Series];
      const points = all.map(({ attributes, sum, count, min, max, counts }) => ({
        startTime,
        endTime,
        attributes,
        value:
          boundaries === undefined
            ? sum
            : { buckets: { boundaries, counts: [...counts] }, sum, count, min, max },
      }));
      const kind =
        boundaries === undefined ? { dataPointType: SUM, isMonotonic: true } : { dataPointType: HISTOGRAM };
      return { descriptor, aggregationTemporality, dataPoints: points, ...kind } as MetricData;
    });
  }
}
