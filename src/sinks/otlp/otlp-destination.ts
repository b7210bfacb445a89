/** Sends events to a collector as spans, log records and metrics. */

import { ProtobufLogsSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { OximyEvent } from "../../event/event.js";
import { type Cut, WITHOUT_BODIES, WITHOUT_WORDS } from "../../traces/cut-line.js";
import type { OtlpSettings, Signal } from "../../user/otlp-settings.js";
import type { Destination, DestinationContext } from "../export/destination.js";
import type { Outcome } from "../export/retry.js";
import { Collector } from "./collector.js";
import { hostAttributes } from "./mapping.js";
import { Metrics } from "./metrics.js";
import { Telemetry } from "./telemetry.js";

const POLL_MS = 1_000;

export class OtlpDestination implements Destination {
  readonly pollMs: number;
  readonly cut: Cut;
  private readonly settings: OtlpSettings;
  private readonly log: DestinationContext["log"];
  private readonly collector: Collector;
  private readonly telemetry: Telemetry;
  private readonly metrics: Metrics;
  private hasRefused = false;

  constructor(settings: OtlpSettings, context: DestinationContext, pollMs = POLL_MS) {
    const { version, host, log, finish, stop, retryMs } = context;
    this.pollMs = pollMs;
    this.cut = settings.content ? WITHOUT_BODIES : WITHOUT_WORDS;
    this.settings = settings;
    this.log = log;
    this.collector = new Collector({
      ...settings,
      version,
      stop,
      finish,
      onAway: (why) =>
        log("warn", `The collector cannot be reached; events stay in their files until it can: ${why}`),
      onBack: () => log("info", "The collector can be reached again."),
      ...(retryMs !== undefined && { retryMs }),
    });
    this.telemetry = new Telemetry({
      host: { ...hostAttributes(host), ...settings.resource },
      names: settings.names,
      content: settings.content,
      version,
    });
    this.metrics = new Metrics(this.telemetry, settings);
  }

  close(): void {
    this.collector.close();
  }

  async send(events: readonly OximyEvent[]): Promise<boolean> {
    const { endpoints } = this.settings;
    const spans =
      endpoints.traces === undefined ? [] : events.flatMap((event) => this.telemetry.span(event) ?? []);
    const logs = endpoints.logs === undefined ? [] : events.flatMap((event) => this.telemetry.logs(event));
    if (!(await this.sendAll("traces", spans, (all) => ProtobufTraceSerializer.serializeRequest(all))))
      return false;
    if (!(await this.sendAll("logs", logs, (all) => ProtobufLogsSerializer.serializeRequest(all))))
      return false;
    if (endpoints.metrics === undefined) return true;
    for (const event of events) this.metrics.add(event);
    const body = this.metrics.take();
    return body === undefined || this.isDone("metrics", await this.collector.send("metrics", body));
  }

  /** A request that is too large is split in halves. */
  private async sendAll<T>(
    signal: Signal,
    items: readonly T[],
    serialize: (items: T[]) => Uint8Array | undefined,
  ): Promise<boolean> {
    if (items.length === 0) return true;
    const body = serialize([...items]);
    if (body === undefined) return true;
    const outcome = await this.collector.send(signal, body);
    if (outcome.kind !== "too_large" || items.length === 1) return this.isDone(signal, outcome);
    const half = Math.ceil(items.length / 2);
    return (
      (await this.sendAll(signal, items.slice(0, half), serialize)) &&
      (await this.sendAll(signal, items.slice(half), serialize))
    );
  }

  private isDone(signal: Signal, outcome: Outcome): boolean {
    if (outcome.kind === "stopped") return false;
    if (outcome.kind === "taken") return true;
    const why = outcome.kind === "too_large" ? "a single item exceeds its size limit" : outcome.why;
    if (!this.hasRefused) {
      this.log("warn", `The collector rejects ${signal}: ${why}. Rejected data is not sent again.`);
    }
    this.hasRefused = true;
    return true;
  }
}
