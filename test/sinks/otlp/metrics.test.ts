import { expect, test } from "vitest";
import { Metrics } from "../../../src/sinks/otlp/metrics.js";
import { Telemetry } from "../../../src/sinks/otlp/telemetry.js";
import { sampleEvent } from "../sample-event.js";
import { decode } from "./protocol.js";

// https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/, …/gen-ai/mcp/: durations are in seconds.
test.each([
  ["gen_ai.client.inference.duration", {}],
  [
    "mcp.client.operation.duration",
    { mcp: { transport: "stdio", protocol_version: "2025-06-18", from: "client", method: "tools/call" } },
  ],
] as const)("%s is in seconds, with its fraction", (name, fields) => {
  const names = "latest";
  const telemetry = new Telemetry({ host: {}, names, content: false, version: "0" });
  const metrics = new Metrics(telemetry, { names, temporality: "cumulative" });
  metrics.add(sampleEvent({ timing: { duration_ms: 1_250 }, ...fields }));
  const metric = decode("metrics", metrics.take()!).find((item) => item.name === name);
  expect(metric).toMatchObject({ unit: "s", histogram: { data_points: [{ count: 1, sum: 1.25 }] } });
});
