import { describe, expect, it, test } from "vitest";
import type { OximyEvent } from "../../../src/event/event.js";
import { ecsBody } from "../../../src/sinks/syslog/ecs.js";
import { ocsfBody } from "../../../src/sinks/syslog/ocsf.js";
import { ownBody } from "../../../src/sinks/syslog/own-body.js";
import { SAMPLE_INTERACTION, SAMPLE_METADATA, sampleEvent } from "../sample-event.js";

const HOST = { name: "laptop-7", arch: "x64" };
const secret = "what was said";

const talk = sampleEvent({
  client: {
    pid: 7,
    name: "node",
    path: "/usr/bin/node",
    uid: 1000,
    user: "ana",
    ppid: 6,
    parent_name: "bash",
    port: 5,
  },
  interaction: {
    ...SAMPLE_INTERACTION,
    cost_usd: 0.1,
    request: {
      messages: [{ role: "user", content: secret }],
      model: "gpt-4",
      stream: true,
      system: secret,
      prompt: secret,
      tools: [{ name: secret }],
      metadata: { note: secret },
      instructions: secret,
      _raw: { secret },
    },
    response: {
      ...SAMPLE_INTERACTION.response,
      content: secret,
      reasoning: secret,
      tool_calls: [{ id: "1", name: secret, arguments: "{}" }],
      something: secret,
      _raw: { secret },
    },
  } as OximyEvent["interaction"] & object,
});
const unread = sampleEvent({
  trace_level: "identifiable",
  metadata: {
    request_host: "api.openai.com",
    reason: "runtime_does_not_trust",
    bytes_up: 10,
    bytes_down: 20,
  },
});
delete (unread as { interaction?: unknown }).interaction;
const failed = sampleEvent({ metadata: { ...SAMPLE_METADATA, response_status: 429 } });

const BODIES: readonly [string, (event: OximyEvent, content: boolean) => object][] = [
  ["oximy", ownBody],
  ["ecs", (event, content) => ecsBody(event, HOST, content)],
  ["ocsf", (event, content) => ocsfBody(event, HOST, "0.1.0", content)],
];

describe.each(BODIES)("the form %s", (_name, bodyOf) => {
  it("has nothing of what was said unless that is asked for", () => {
    expect(JSON.stringify(bodyOf(talk, false))).not.toContain(secret);
    expect(JSON.stringify(bodyOf(talk, true))).toContain(secret);
  });

  it("has numbers, names and who it was", () => {
    const json = JSON.stringify(bodyOf(talk, false));
    for (const part of ["gpt-4", "openai", talk.event_id, "ana", "/usr/bin/node", "api.openai.com"])
      expect(json).toContain(part);
  });

  it("never has the bodies themselves", () => {
    expect(JSON.stringify(bodyOf(talk, true))).not.toContain("_raw");
  });

  it("says why something was not read", () => {
    expect(JSON.stringify(bodyOf(unread, false))).toContain("runtime_does_not_trust");
  });
});

test("ECS has its fields where Elastic looks for them", () => {
  expect(ecsBody(talk, HOST, false)).toMatchObject({
    "@timestamp": "2026-01-09T19:56:26.420Z",
    "event.kind": "event",
    "event.category": ["web"],
    "event.outcome": "success",
    "event.duration": 1_234_000_000,
    "http.request.method": "POST",
    "http.response.status_code": 200,
    "http.version": "2",
    "url.domain": "api.openai.com",
    "url.path": "/v1/chat/completions",
    "process.executable": "/usr/bin/node",
    "process.parent.name": "bash",
    "user.id": "1000",
    "user.name": "ana",
    "gen_ai.request.model": "gpt-4",
    "gen_ai.usage.input_tokens": 5,
    "oximy.cost_usd": 0.1,
  });
  // A name cannot be a value and hold others: Elasticsearch refuses such a document.
  for (const event of [talk, unread, failed]) {
    const names = Object.keys(ecsBody(event, HOST, true));
    expect(names.filter((name) => names.some((other) => other.startsWith(`${name}.`)))).toEqual([]);
  }
});

it.each<[string, OximyEvent, object]>([
  [
    "a call",
    talk,
    {
      class_uid: 4002,
      activity_id: 6,
      type_uid: 400206,
      status_id: 1,
      severity_id: 1,
      status_code: "200",
      http_request: {
        http_method: "POST",
        url: { hostname: "api.openai.com", scheme: "https", path: "/v1/chat/completions" },
      },
      http_response: { code: 200 },
      unmapped: { "gen_ai.usage.output_tokens": 3 },
    },
  ],
  ["a call that failed", failed, { class_uid: 4002, status_id: 2, severity_id: 2, status_code: "429" }],
  [
    "what was not read",
    unread,
    {
      class_uid: 4001,
      activity_id: 6,
      type_uid: 400106,
      status_id: 0,
      status_detail: "runtime_does_not_trust",
      traffic: { bytes_out: 10, bytes_in: 20 },
    },
  ],
])("OCSF has %s in its class, with what each event must have", (_name, event, expected) => {
  const body = ocsfBody(event, HOST, "0.1.0", false);
  expect(body).toMatchObject({
    category_uid: 4,
    time: Date.parse("2026-01-09T19:56:26.420Z"),
    metadata: { version: "1.3.0", product: { name: "Oximy", vendor_name: "Oximy" }, uid: event.event_id },
    device: { hostname: "laptop-7", type_id: 0 },
    actor: { process: { name: "node", file: { name: "node", path: "/usr/bin/node", type_id: 1 } } },
    dst_endpoint: { hostname: "api.openai.com", port: 443 },
    ...expected,
  });
});
