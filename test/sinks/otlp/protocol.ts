import protobuf from "protobufjs";

/**
 * The messages of opentelemetry-proto 1.x by their field numbers (opentelemetry/proto/{common,resource,trace,logs,
 * metrics}/v1/*.proto), as far as they are read here.
 */
const { root } = protobuf.parse(
  `syntax = "proto3";
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3;
  double double_value = 4; ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
message KeyValue { string key = 1; AnyValue value = 2; }
message Scope { string name = 1; string version = 2; }
message Resource { repeated KeyValue attributes = 1; }
message Traces { repeated ResourceSpans resources = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scopes = 2; }
message ScopeSpans { Scope scope = 1; repeated Span items = 2; }
message Span { bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  Status status = 15; }
message Status { string message = 2; int32 code = 3; }
message Logs { repeated ResourceLogs resources = 1; }
message ResourceLogs { Resource resource = 1; repeated ScopeLogs scopes = 2; }
message ScopeLogs { Scope scope = 1; repeated LogRecord items = 2; }
message LogRecord { fixed64 time_unix_nano = 1; int32 severity_number = 2; string severity_text = 3;
  repeated KeyValue attributes = 6; bytes trace_id = 9; bytes span_id = 10; string event_name = 12; }
message Metrics { repeated ResourceMetrics resources = 1; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scopes = 2; }
message ScopeMetrics { Scope scope = 1; repeated Metric items = 2; }
message Metric { string name = 1; string unit = 3; Sum sum = 7; Histogram histogram = 9; }
message Sum { repeated Point data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message Point { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; double as_double = 4;
  sfixed64 as_int = 6; repeated KeyValue attributes = 7; }
message Histogram { repeated HistogramPoint data_points = 1; int32 aggregation_temporality = 2; }
message HistogramPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
  double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7;
  repeated KeyValue attributes = 9; double min = 11; double max = 12; }`,
  { keepCase: true },
);

interface KeyValue {
  readonly key: string;
  readonly value: Record<string, unknown>;
}

/** A span, log record or metric, with its attributes as an object, and those of its resource. */
export interface Item {
  readonly resource: Record<string, unknown>;
  readonly attributes: Record<string, unknown>;
  readonly [member: string]: unknown;
}

const TYPES = { traces: "Traces", logs: "Logs", metrics: "Metrics" } as const;

export function decode(signal: keyof typeof TYPES, bytes: Uint8Array): Item[] {
  const type = root.lookupType(TYPES[signal]);
  const message = type.toObject(type.decode(bytes), { longs: Number, bytes: String, arrays: true }) as {
    resources: Array<{
      resource: { attributes: KeyValue[] };
      scopes: Array<{ items: Array<Record<string, unknown>> }>;
    }>;
  };
  return message.resources.flatMap(({ resource, scopes }) =>
    scopes.flatMap(({ items }) =>
      items.map((item) => ({
        ...item,
        attributes: objectOf((item.attributes ?? []) as KeyValue[]),
        resource: objectOf(resource.attributes),
      })),
    ),
  );
}

export function objectOf(pairs: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plainOf(value)]));
}

function plainOf(value: Record<string, unknown>): unknown {
  const [kind = "none", inner] = Object.entries(value)[0] ?? [];
  if (kind === "array_value") {
    return (inner as { values: Array<Record<string, unknown>> }).values.map(plainOf);
  }
  if (kind === "kvlist_value") return objectOf((inner as { values: KeyValue[] }).values);
  return kind === "none" ? null : inner;
}
