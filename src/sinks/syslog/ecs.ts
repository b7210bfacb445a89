/**
 * An event in the Elastic Common Schema, 8.17 (https://www.elastic.co/guide/en/ecs/8.17/ecs-field-reference.html).
 * Fields that it does not define have the names of the OpenTelemetry export (otlp/mapping.ts): `gen_ai.*`, `oximy.*`.
 */

import type { OximyEvent } from "../../event/event.js";
import { isFailed } from "../../event/outcome.js";
import { present } from "../../interaction/json.js";
import { contentAttributes } from "../otlp/content.js";
import { errorMessage, notReadAttributes, serviceName, spanAttributes } from "../otlp/mapping.js";

const ECS_VERSION = "8.17.0";

export interface Machine {
  readonly name: string;
  readonly arch: string;
}

/** Fields with dotted names, which Elasticsearch treats as nested objects. */
export function ecsBody(event: OximyEvent, host: Machine, content: boolean): Record<string, unknown> {
  const { client, metadata, timing, interaction, app, findings } = event;
  const isRead = interaction !== undefined;
  // In ECS `network.protocol` is a value, so it cannot have a `version` below it.
  const { "network.protocol.version": httpVersion, ...attributes }: Record<string, unknown> = isRead
    ? spanAttributes(event, "latest")
    : notReadAttributes(event);
  const { container } = client;
  return present({
    "@timestamp": event.timestamp,
    "ecs.version": ECS_VERSION,
    "event.kind": "event",
    "event.category": [isRead ? "web" : "network"],
    "event.type": [isRead ? "access" : "connection"],
    "event.module": "oximy",
    "event.dataset": isRead ? "oximy.call" : "oximy.not_read",
    "event.action": attributes["gen_ai.operation.name"] ?? "not_read",
    "event.outcome": isFailed(event) ? "failure" : isRead ? "success" : "unknown",
    "event.id": event.event_id,
    "event.duration":
      timing.duration_ms === undefined ? undefined : Math.round(timing.duration_ms * 1_000_000),
    "event.reason": metadata.reason,
    ...attributes,
    "error.message": isFailed(event) ? errorMessage(event) : undefined,
    "host.name": host.name,
    "host.hostname": host.name,
    "host.architecture": host.arch,
    "service.name": serviceName(event),
    "service.type": app?.category,
    "process.pid": client.pid,
    "process.name": client.name,
    "process.executable": client.path,
    "process.working_directory": client.cwd,
    "process.parent.pid": client.ppid,
    "process.parent.name": client.parent_name,
    "container.id": container?.id,
    "container.name": container?.name,
    "container.image.name": container?.image,
    "container.runtime": container?.runtime,
    "source.port": client.port,
    "destination.address": attributes["server.address"],
    "destination.port": attributes["server.port"],
    "url.domain": attributes["server.address"],
    "network.protocol": isRead ? "http" : undefined,
    "network.transport": "tcp",
    "http.version": httpVersion,
    "http.request.body.bytes": metadata.request_length,
    "http.response.body.bytes": metadata.content_length,
    "oximy.findings": findings?.map(({ rule, where }) => `${rule}:${where}`),
    ...(content ? contentAttributes(event) : {}),
  });
}
