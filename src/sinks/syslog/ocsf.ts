/**
 * An event in the Open Cybersecurity Schema Framework, 1.3 (https://schema.ocsf.io/1.3.0): a call that was read is HTTP
 * Activity, one that was not is Network Activity. Fields that it does not define are in `unmapped`, with the names of
 * the OpenTelemetry export (otlp/mapping.ts).
 */

import type { OximyEvent } from "../../event/event.js";
import { appNameOf } from "../../event/facts.js";
import { isFailed } from "../../event/outcome.js";
import { present } from "../../interaction/json.js";
import { contentAttributes } from "../otlp/content.js";
import { type AttributeSet, errorMessage, notReadAttributes, spanAttributes } from "../otlp/mapping.js";
import type { Machine } from "./ecs.js";

const OCSF_VERSION = "1.3.0";
/** Category 4, Network Activity. */
const CATEGORY = 4;
const HTTP_ACTIVITY = 4002;
const NETWORK_ACTIVITY = 4001;
/** `activity_id` of Network Activity: traffic was counted. */
const TRAFFIC = 6;
const METHODS = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE", "PATCH"];
const [UNKNOWN, OTHER] = [0, 99];
/** `severity_id`. */
const [INFORMATIONAL, LOW] = [1, 2];
/** `status_id`. */
const [SUCCESS, FAILURE] = [1, 2];
const REGULAR_FILE = 1;
const OUTBOUND = 2;

export function ocsfBody(
  event: OximyEvent,
  host: Machine,
  version: string,
  content: boolean,
): Record<string, unknown> {
  const { metadata, timing, interaction } = event;
  const isRead = interaction !== undefined;
  const attributes = isRead ? spanAttributes(event, "latest") : notReadAttributes(event);
  const classUid = isRead ? HTTP_ACTIVITY : NETWORK_ACTIVITY;
  const activity = isRead ? methodId(metadata.request_method) : TRAFFIC;
  const time = Date.parse(event.timestamp);
  return present({
    category_uid: CATEGORY,
    class_uid: classUid,
    activity_id: activity,
    type_uid: classUid * 100 + activity,
    severity_id: isFailed(event) || event.findings !== undefined ? LOW : INFORMATIONAL,
    status_id: isFailed(event) ? FAILURE : isRead ? SUCCESS : UNKNOWN,
    status_code: metadata.response_status === undefined ? undefined : String(metadata.response_status),
    status_detail: isFailed(event) ? errorMessage(event) : metadata.reason,
    time,
    start_time: time,
    end_time: timing.duration_ms === undefined ? undefined : time + timing.duration_ms,
    duration: timing.duration_ms,
    metadata: {
      version: OCSF_VERSION,
      profiles: ["host"],
      product: { name: "Oximy", vendor_name: "Oximy", version },
      uid: event.event_id,
      correlation_uid: event.conversation?.id,
      log_name: isRead ? "call" : "not_read",
    },
    app_name: appNameOf(event),
    device: { hostname: host.name, type_id: UNKNOWN },
    actor: actorOf(event),
    src_endpoint: { hostname: host.name, port: event.client.port },
    dst_endpoint: {
      hostname: attributes["server.address"],
      port: attributes["server.port"],
      svc_name: attributes["gen_ai.provider.name"],
    },
    connection_info: { protocol_name: "tcp", protocol_num: 6, direction_id: OUTBOUND },
    ...(isRead ? httpOf(event, attributes) : { traffic: trafficOf(event) }),
    unmapped: { ...unmapped(attributes), ...(content ? contentAttributes(event) : {}) },
  });
}

const methodId = (method: string | undefined): number =>
  method === undefined ? UNKNOWN : METHODS.indexOf(method.toUpperCase()) + 1 || OTHER;

function actorOf({ client }: OximyEvent): Record<string, unknown> {
  const { pid, name, path, ppid, parent_name, user, uid, container } = client;
  const owner = present({ name: user, uid: uid === undefined ? undefined : String(uid) });
  const isKnown = pid !== undefined || name !== undefined;
  return present({
    process: isKnown
      ? present({
          pid,
          name,
          file:
            path === undefined ? undefined : { name: path.split("/").at(-1), path, type_id: REGULAR_FILE },
          user: owner,
          parent_process: ppid === undefined ? undefined : present({ pid: ppid, name: parent_name }),
          container:
            container === undefined
              ? undefined
              : present({ uid: container.id, name: container.name, runtime: container.runtime }),
        })
      : undefined,
    user: owner,
  });
}

function httpOf({ metadata }: OximyEvent, attributes: AttributeSet): Record<string, unknown> {
  const { request_method, request_length, response_status, content_length, via } = metadata;
  return {
    http_request: present({
      http_method: request_method,
      length: request_length,
      url: {
        scheme: via === "plain" ? "http" : "https",
        hostname: attributes["server.address"],
        port: attributes["server.port"],
        path: attributes["url.path"],
      },
    }),
    http_response:
      response_status === undefined ? undefined : present({ code: response_status, length: content_length }),
  };
}

const trafficOf = ({ metadata: { bytes_up, bytes_down } }: OximyEvent) =>
  bytes_up === undefined && bytes_down === undefined
    ? undefined
    : present({ bytes_out: bytes_up, bytes_in: bytes_down });

/** Attributes that no other member carries. */
function unmapped(attributes: AttributeSet): Record<string, unknown> {
  const kept = Object.entries(attributes).filter(
    ([name]) => /^(gen_ai|oximy|error)\./.test(name) && name !== "oximy.event.id",
  );
  return Object.fromEntries(kept);
}
