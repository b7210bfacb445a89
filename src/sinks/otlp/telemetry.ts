/** Turns an event into a span and log records. Values in, values out. */

import { createHash } from "node:crypto";
import { type HrTime, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ProtobufLogsSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import type { OximyEvent } from "../../event/event.js";
import { isFailed } from "../../event/outcome.js";
import type { OtlpNames } from "../../user/otlp-settings.js";
import { contentAttributes } from "./content.js";
import {
  type AttributeSet,
  DETAILS_EVENT,
  errorMessage,
  NOT_READ_EVENT,
  notReadAttributes,
  processAttributes,
  resourceAttributes,
  spanAttributes,
  spanName,
} from "./mapping.js";

export type Span = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];
export type LogRecord = Parameters<typeof ProtobufLogsSerializer.serializeRequest>[0][number];

export interface TelemetryOptions {
  /** Attributes of this machine, and those that OTEL_RESOURCE_ATTRIBUTES adds. */
  readonly host: AttributeSet;
  readonly names: OtlpNames;
  readonly content: boolean;
  readonly version: string;
}

/** Values of the specification's SeverityNumber. */
const DEBUG = 5;
const INFO = 9;
const SAMPLED = 1;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Size of the cache that lets the spans of one program share a resource. */
const MAX_RESOURCES = 200;

export class Telemetry {
  readonly scope: { readonly name: string; readonly version: string };
  private readonly resources = new Map<string, Resource>();

  constructor(private readonly options: TelemetryOptions) {
    this.scope = { name: "oximy", version: options.version };
  }

  /** Undefined for events that were not read. */
  span(event: OximyEvent): Span | undefined {
    if (event.interaction === undefined) return undefined;
    const attributes = spanAttributes(event, this.options.names);
    const start = hrTime(startOf(event));
    const duration = hrTime(event.timing.duration_ms ?? 0);
    const message = errorMessage(event);
    const parent = event.conversation?.parent_event_id;
    return {
      name: spanName(attributes),
      kind: SpanKind.CLIENT,
      spanContext: () => contextOf(event),
      ...(parent !== undefined && {
        parentSpanContext: { ...contextOf(event), spanId: spanIdOf(parent) },
      }),
      startTime: start,
      endTime: hrTime(startOf(event) + (event.timing.duration_ms ?? 0)),
      duration,
      status: isFailed(event)
        ? { code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) }
        : { code: SpanStatusCode.UNSET },
      attributes,
      links: [],
      events: [],
      ended: true,
      resource: this.resourceOf(event),
      instrumentationScope: this.scope,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  }

  /** The content, if enabled; for an event that was not read, the reason. */
  logs(event: OximyEvent): LogRecord[] {
    if (event.interaction === undefined) {
      return [this.record(event, NOT_READ_EVENT, INFO, "INFO", notReadAttributes(event))];
    }
    if (!this.options.content) return [];
    const attributes = { ...spanAttributes(event, this.options.names), ...contentAttributes(event) };
    return [this.record(event, DETAILS_EVENT, DEBUG, "DEBUG", attributes)];
  }

  /** An app on this host, without its process: metrics are summed over processes. */
  appResource(event: OximyEvent): Resource {
    return resourceFromAttributes(resourceAttributes(event, this.options.host));
  }

  private record(
    event: OximyEvent,
    eventName: string,
    severityNumber: number,
    severityText: string,
    attributes: Record<string, unknown>,
  ): LogRecord {
    const time = hrTime(startOf(event) + (event.timing.duration_ms ?? 0));
    return {
      hrTime: time,
      hrTimeObserved: time,
      spanContext: contextOf(event),
      severityNumber,
      severityText,
      eventName,
      attributes: attributes as LogRecord["attributes"],
      resource: this.resourceOf(event),
      instrumentationScope: this.scope,
      droppedAttributesCount: 0,
    };
  }

  private resourceOf(event: OximyEvent): Resource {
    const attributes = {
      ...resourceAttributes(event, this.options.host),
      ...processAttributes(event.client),
    };
    const key = JSON.stringify(attributes);
    let resource = this.resources.get(key);
    if (resource === undefined) {
      if (this.resources.size >= MAX_RESOURCES) this.resources.clear();
      resource = resourceFromAttributes(attributes);
      this.resources.set(key, resource);
    }
    return resource;
  }
}

function startOf({ timestamp }: OximyEvent): number {
  const time = Date.parse(timestamp);
  return Number.isFinite(time) && time > 0 ? time : 0;
}

/** From epoch milliseconds, or from a duration in milliseconds. */
export function hrTime(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.round((milliseconds - seconds * 1000) * 1e6)];
}

/** A conversation of one user is a trace; an event outside any conversation is a trace of its own. */
function contextOf(event: OximyEvent) {
  const { conversation, client, event_id } = event;
  const traceId =
    conversation === undefined
      ? UUID.test(event_id)
        ? event_id.replaceAll("-", "")
        : hashed(event_id, 16)
      : hashed(`${client.uid ?? ""}\0${conversation.id}`, 16);
  return { traceId, spanId: spanIdOf(event_id), traceFlags: SAMPLED };
}

/** The random half of a UUIDv7 (RFC 9562 §5.7). */
function spanIdOf(eventId: string): string {
  return UUID.test(eventId) ? eventId.replaceAll("-", "").slice(16) : hashed(eventId, 8);
}

const hashed = (text: string, bytes: number) =>
  createHash("sha256")
    .update(text)
    .digest("hex")
    .slice(0, bytes * 2);
