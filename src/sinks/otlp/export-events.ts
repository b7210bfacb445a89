/** Tells a collector of the events of a folder, from where the last time ended. */

import { setTimeout as delay } from "node:timers/promises";
import { ProtobufLogsSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { OximyEvent } from "../../event/event.js";
import { cutLine, WITHOUT_BODIES, WITHOUT_WORDS } from "../../traces/cut-line.js";
import { parseLine } from "../../traces/event-files.js";
import type { OtlpSettings, Signal } from "../../user/otlp-settings.js";
import { Collector, type Outcome } from "./collector.js";
import { linesSince, type Position } from "./event-position.js";
import { hostAttributes } from "./mapping.js";
import { Metrics } from "./metrics.js";
import type { StateFile } from "./state-file.js";
import { Telemetry } from "./telemetry.js";

export interface ExportOptions {
  readonly folder: string;
  /** Where the capture began: what is before was captured without a collector. */
  readonly from: Position;
  readonly settings: OtlpSettings;
  readonly state: StateFile;
  readonly version: string;
  readonly host: { readonly name: string; readonly arch: string; readonly system: string };
  readonly log: (level: "info" | "warn", message: string) => void;
  /** Aborts when what is there is to be sent, and nothing more waited for. */
  readonly finish: AbortSignal;
  /** Aborts when there is no more time for that either. */
  readonly stop: AbortSignal;
  readonly pollMs?: number;
  readonly retryMs?: number;
}

const POLL_MS = 1_000;
/** Of one request; collectors take up to 20 MiB by default. */
const BATCH_EVENTS = 512;
const BATCH_BYTES = 4 << 20;

/** Resolves when it is asked to finish; rejects when files cannot be read. */
export async function exportEvents(options: ExportOptions): Promise<void> {
  const { from, state, finish, stop, pollMs = POLL_MS } = options;
  const run = new Run(options);
  let position: Position | undefined;
  let hasWaited = false;
  try {
    while (!stop.aborted) {
      const isLast = finish.aborted;
      if (!state.hold()) {
        position = undefined;
        hasWaited = true;
      } else {
        position = await run.sendSince(position ?? begin(state, from, hasWaited));
        if (isLast && run.isDone) state.write({ position, isDone: true });
      }
      if (isLast) return;
      await delay(pollMs, undefined, { signal: finish }).catch(() => {}); // once more, and that is all
    }
  } finally {
    run.close();
    state.release();
  }
}

/** Where the last one left off; from the one that was waited for, also when it was done. */
function begin(state: StateFile, from: Position, hasWaited: boolean): Position {
  const saved = state.read();
  if (saved !== undefined && (hasWaited || !saved.isDone)) return saved.position;
  state.write({ position: from, isDone: false });
  return from;
}

class Run {
  private readonly options: ExportOptions;
  private readonly collector: Collector;
  private readonly telemetry: Telemetry;
  private readonly metrics: Metrics;
  private refused = 0;
  /** All that was there was taken or refused. */
  isDone = false;

  constructor(options: ExportOptions) {
    const { settings, version, host, log, finish, stop, retryMs } = options;
    this.options = options;
    this.collector = new Collector({
      ...settings,
      version,
      signal: stop,
      finish,
      onAway: (why) => log("warn", `The collector cannot be reached, and events wait in their files: ${why}`),
      onBack: () => log("info", "The collector is told of events again."),
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

  /** Where the last event that was told of ended. */
  async sendSince(position: Position): Promise<Position> {
    const { folder, state, settings, log, stop } = this.options;
    const cut = settings.content ? WITHOUT_BODIES : WITHOUT_WORDS;
    let reached = position;
    let sent = position;
    let events: OximyEvent[] = [];
    let bytes = 0;
    this.isDone = false;
    const send = async (): Promise<boolean> => {
      if (events.length > 0 && !(await this.send(events))) return false;
      if (reached !== sent) state.write({ position: reached, isDone: false });
      sent = reached;
      events = [];
      bytes = 0;
      state.hold();
      return true;
    };
    for await (const { lines, position: after, gap } of linesSince(folder, position)) {
      if (gap) log("warn", "Event files were removed before the collector was told of what was in them.");
      for (const line of lines) {
        const short = cutLine(line, cut);
        const event = parseLine(short);
        if (event === undefined) continue;
        events.push(event);
        bytes += short.length;
      }
      reached = after;
      if (events.length < BATCH_EVENTS && bytes < BATCH_BYTES) continue;
      if (!(await send()) || stop.aborted) return sent;
    }
    this.isDone = await send();
    return sent;
  }

  /** False when it was stopped before all was taken or refused. */
  private async send(events: readonly OximyEvent[]): Promise<boolean> {
    const { endpoints } = this.options.settings;
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
    return body === undefined || this.hasExported("metrics", await this.collector.send("metrics", body), 1);
  }

  /** What is too much for one request is sent in halves. */
  private async sendAll<T>(
    signal: Signal,
    items: readonly T[],
    serialize: (items: T[]) => Uint8Array | undefined,
  ): Promise<boolean> {
    if (items.length === 0) return true;
    const body = serialize([...items]);
    if (body === undefined) return true;
    const outcome = await this.collector.send(signal, body);
    if (outcome.kind !== "too_large" || items.length === 1)
      return this.hasExported(signal, outcome, items.length);
    const half = Math.ceil(items.length / 2);
    return (
      (await this.sendAll(signal, items.slice(0, half), serialize)) &&
      (await this.sendAll(signal, items.slice(half), serialize))
    );
  }

  private hasExported(signal: Signal, outcome: Outcome, count: number): boolean {
    if (outcome.kind === "stopped") return false;
    if (outcome.kind === "taken") return true;
    const why = outcome.kind === "too_large" ? "it is too large for it" : outcome.why;
    if (this.refused === 0) {
      this.options.log(
        "warn",
        `The collector does not take ${signal}: ${why}. What it refuses is not sent again.`,
      );
    }
    this.refused += count;
    return true;
  }
}
