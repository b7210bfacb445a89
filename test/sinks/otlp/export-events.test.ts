import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import type { OximyEvent } from "../../../src/event/event.js";
import type { DestinationContext } from "../../../src/sinks/export/destination.js";
import { BEFORE_ALL, endOf } from "../../../src/sinks/export/event-position.js";
import { exportEvents } from "../../../src/sinks/export/export-events.js";
import { StateFile } from "../../../src/sinks/export/state-file.js";
import { numberFile } from "../../../src/sinks/numbered-file.js";
import { OtlpDestination } from "../../../src/sinks/otlp/otlp-destination.js";
import { type OtlpSettings, otlpSettings } from "../../../src/user/otlp-settings.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { sampleEvent } from "../sample-event.js";
import { Receiver } from "./receiver.js";

const DATE = "2026-01-09";
let folder: string;
let file: string;
let state: string;

beforeEach(() => {
  const home = temporaryFolder();
  folder = join(home, "traces");
  mkdirSync(folder);
  file = join(folder, `traces_${DATE}.jsonl`);
  state = join(home, "otlp/state.json");
});

const write = (...ids: string[]) => {
  for (const event_id of ids) appendFileSync(file, `${JSON.stringify(sampleEvent({ event_id }))}\n`);
};
const settingsFor = (url: string, env: NodeJS.ProcessEnv = {}, content = false): OtlpSettings =>
  otlpSettings({ url, content, names: "latest" }, env)!;

/** Resolves when it is remembered that all of the file was told of. */
const told = () =>
  expect
    .poll(() => existsSync(state) && JSON.parse(readFileSync(state, "utf8")).offset)
    .toBe(statSync(file).size);

interface Running {
  readonly said: string[];
  /** As Ctrl-C ends a capture: what is there is sent, once. */
  finish(): Promise<void>;
  /** As a kill does. */
  stop(): Promise<void>;
}

function start(settings: OtlpSettings, from = BEFORE_ALL, stateFile = new StateFile(state)): Running {
  const [finish, stop] = [new AbortController(), new AbortController()];
  const said: string[] = [];
  const context: DestinationContext = {
    version: "0",
    host: { name: "host", arch: "x64", system: "linux" },
    log: (level, message) => said.push(`${level}: ${message}`),
    finish: finish.signal,
    stop: stop.signal,
    retryMs: 10,
  };
  const destination = new OtlpDestination(settings, context, 10);
  const ended = exportEvents({ ...context, folder, from, state: stateFile, destination });
  const running: Running = {
    said,
    finish: () => {
      finish.abort();
      return ended;
    },
    stop: () => {
      stop.abort();
      finish.abort();
      return ended;
    },
  };
  onTestFinished(() => running.stop());
  return running;
}

test("events that are there and that come are told of once, by all three signals", async () => {
  const receiver = await Receiver.open();
  write("1", "2");
  const running = start(settingsFor(receiver.url));
  await receiver.until(() => receiver.ids().length === 2);
  write("3");
  await receiver.until(() => receiver.ids().length === 3);
  await running.finish();
  expect(receiver.ids()).toEqual(["1", "2", "3"]);
  const duration = receiver.received.metrics.findLast(
    ({ name }) => name === "gen_ai.client.inference.duration",
  );
  expect(duration).toMatchObject({ histogram: { data_points: [{ count: 3 }] } });
  expect(running.said).toEqual([]);
});

test("what was captured before there was a collector is not told of", async () => {
  const receiver = await Receiver.open();
  write("before");
  const running = start(settingsFor(receiver.url), endOf(folder));
  write("after");
  await receiver.until(() => receiver.ids().length === 1);
  await running.finish();
  write("without a collector");
  const again = start(settingsFor(receiver.url), endOf(folder));
  write("again");
  await receiver.until(() => receiver.ids().length === 2);
  await again.finish();
  expect(receiver.ids()).toEqual(["after", "again"]);
});

test.each([429, 502, 503, 504])(
  "a collector that answers %d is asked again, and nothing is lost",
  async (status) => {
    const receiver = await Receiver.open();
    receiver.answers = [{ status }, { status, headers: { "retry-after": "0" } }, { status: 200 }, { status }];
    write("1", "2");
    const running = start(settingsFor(receiver.url));
    await receiver.until(() => receiver.received.metrics.length > 0);
    await running.finish();
    expect(receiver.ids()).toEqual(["1", "2"]);
    expect(running.said).toEqual([
      `warn: The collector cannot be reached; events stay in their files until it can: it answers ${status}`,
      "info: The collector can be reached again.",
      expect.stringMatching(/^warn: /),
      "info: The collector can be reached again.",
    ]);
  },
);

test("a collector that is away is told of everything when it is back, also by the next capture", async () => {
  const first = await Receiver.open();
  const { port } = first;
  first.close();
  write("1");
  const running = start(settingsFor(`http://127.0.0.1:${port}`));
  await expect.poll(() => running.said.length).toBe(1);
  await running.finish();
  write("2");
  const receiver = await Receiver.open(port);
  const next = start(settingsFor(`http://127.0.0.1:${port}`), endOf(folder));
  await receiver.until(() => receiver.ids().length === 2);
  await next.finish();
  expect(receiver.ids()).toEqual(["1", "2"]);
});

test("a collector that does not answer is given up after the time limit and tried again", async () => {
  const receiver = await Receiver.open();
  receiver.answers = ["silent"];
  write("1");
  const running = start(settingsFor(receiver.url, { OTEL_EXPORTER_OTLP_TIMEOUT: "50" }));
  await receiver.until(() => receiver.ids().length === 1);
  await running.finish();
  expect(running.said[0]).toContain("it did not answer in time");
});

test("files get numbers and are compressed meanwhile: each event is told of once", async () => {
  const receiver = await Receiver.open();
  write("1", "2");
  const running = start(settingsFor(receiver.url));
  await told();
  await running.stop();
  write("3");
  const closed = numberFile(folder, DATE)!;
  writeFileSync(`${closed.path}.br`, brotliCompressSync(readFileSync(closed.path)));
  unlinkSync(closed.path);
  write("4");
  const next = start(settingsFor(receiver.url), endOf(folder));
  await receiver.until(() => receiver.ids().length === 4);
  numberFile(folder, DATE);
  write("5");
  await receiver.until(() => receiver.ids().length === 5);
  await next.finish();
  expect(receiver.ids()).toEqual(["1", "2", "3", "4", "5"]);
});

test("what was removed before it was told of is said", async () => {
  const receiver = await Receiver.open();
  write("1");
  const running = start(settingsFor(receiver.url));
  await told();
  await running.stop();
  unlinkSync(file);
  file = join(folder, "traces_2026-01-10.jsonl");
  write("3");
  const next = start(settingsFor(receiver.url));
  await receiver.until(() => receiver.ids().length === 2);
  await next.finish();
  expect(next.said).toEqual(["warn: Event files were removed before their events were exported."]);
});

test("what is refused for good is said once and not sent again", async () => {
  const receiver = await Receiver.open();
  receiver.judge = (signal) => (signal === "traces" ? 400 : 200);
  write("1");
  const running = start(settingsFor(receiver.url));
  await receiver.until(() => receiver.received.metrics.length > 0);
  write("2");
  await receiver.until(() => receiver.requests.filter(({ signal }) => signal === "traces").length === 2);
  await running.finish();
  expect(running.said).toEqual([
    "warn: The collector rejects traces: it answered 400. Rejected data is not sent again.",
  ]);
});

test("what is too large for one request is sent in halves", async () => {
  const receiver = await Receiver.open();
  receiver.judge = (signal, items) => (signal === "traces" && items.length > 2 ? 413 : 200);
  write(..."abcdefg");
  const running = start(settingsFor(receiver.url));
  await receiver.until(() => receiver.ids().length === 7);
  await running.finish();
  expect(receiver.ids()).toEqual([..."abcdefg"]);
});

test("one process at a time tells a collector, and another goes on where it ended", async () => {
  const receiver = await Receiver.open();
  write("1");
  const first = start(settingsFor(receiver.url));
  await receiver.until(() => receiver.ids().length === 1);
  const second = start(settingsFor(receiver.url));
  write("2");
  await receiver.until(() => receiver.ids().length === 2);
  await first.finish();
  write("3");
  await receiver.until(() => receiver.ids().length === 3);
  await second.finish();
  expect(receiver.ids()).toEqual(["1", "2", "3"]);
  expect(existsSync(`${state}.lock`)).toBe(false);
});

test("variables say what is sent where, and how", async () => {
  const receiver = await Receiver.open();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.url}/base/`,
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc,x-team=ai",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=lab",
  };
  const settings = otlpSettings({ content: false, names: "latest" }, env)!;
  expect(settings.endpoints).toEqual({
    traces: `${receiver.url}/base/v1/traces`,
    logs: `${receiver.url}/base/v1/logs`,
  });
  write("1");
  const running = start(settings);
  await receiver.until(() => receiver.ids().length === 1);
  await running.finish();
  expect(receiver.requests[0]!.headers).toMatchObject({ authorization: "Bearer abc", "x-team": "ai" });
  expect(receiver.received.traces[0]!.resource).toMatchObject({
    "service.name": "node",
    "host.name": "host",
    "deployment.environment.name": "lab",
  });
  expect(receiver.received.metrics).toEqual([]);
});

test("a span says what the event says", async () => {
  const receiver = await Receiver.open();
  const event: OximyEvent = sampleEvent({
    conversation: { id: "talk", turn: 2, parent_event_id: "019ba454-e7b4-7600-9e5e-376227eb4500" },
    app: { id: "cursor", name: "Cursor", matched_by: "executable" },
  });
  appendFileSync(file, `${JSON.stringify(event)}\n`);
  const running = start(settingsFor(receiver.url));
  await receiver.until(() => receiver.ids().length === 1);
  await running.finish();
  const [span] = receiver.received.traces;
  const bytes = (name: string) => Buffer.from(String(span![name]), "base64").toString("hex");
  expect(span).toMatchObject({
    name: "chat gpt-4",
    kind: 3, // SPAN_KIND_CLIENT
    start_time_unix_nano: 1_767_988_586_420_000_000,
    end_time_unix_nano: 1_767_988_587_654_000_000,
    resource: { "service.name": "cursor", "process.pid": 4711, "process.executable.name": "node" },
    attributes: { "gen_ai.usage.input_tokens": 5, "gen_ai.conversation.id": "talk" },
  });
  expect(bytes("span_id")).toBe("9e5e376227eb454e");
  expect(bytes("parent_span_id")).toBe("9e5e376227eb4500");
  expect(bytes("trace_id")).toMatch(/^[0-9a-f]{32}$/);
});

test("content is a log event of the span, and only when it is asked for", async () => {
  const receiver = await Receiver.open();
  write("1");
  const running = start(settingsFor(receiver.url, {}, true));
  await receiver.until(() => receiver.received.logs.length === 1);
  await running.finish();
  const [record] = receiver.received.logs;
  expect(record).toMatchObject({
    event_name: "gen_ai.client.inference.operation.details",
    severity_number: 5,
    attributes: {
      "gen_ai.input.messages": [{ role: "user", parts: [{ type: "text", content: "Hello" }] }],
      "gen_ai.output.messages": [
        { role: "assistant", parts: [{ type: "text", content: "Hi there!" }], finish_reason: "stop" },
      ],
    },
  });
  expect(record!.span_id).toEqual(receiver.received.traces[0]!.span_id);
});

test("without it nothing that was said leaves, and what was not read is a log event with its reason", async () => {
  const receiver = await Receiver.open();
  write("1");
  const metadata = { request_host: "chatgpt.com", bytes_up: 3, bytes_down: 4, reason: "pinned" } as const;
  const passed = sampleEvent({
    event_id: "2",
    trace_level: "identifiable",
    interaction: undefined,
    metadata: metadata as never,
  });
  appendFileSync(file, `${JSON.stringify(passed)}\n`);
  const running = start(settingsFor(receiver.url));
  await receiver.until(() => receiver.received.metrics.length > 0);
  await running.finish();
  expect(receiver.received.logs).toMatchObject([
    {
      event_name: "oximy.not_read",
      attributes: { "oximy.reason": "pinned", "server.address": "chatgpt.com", "server.port": 443 },
    },
  ]);
  expect(JSON.stringify(receiver.received)).not.toMatch(/Hello|Hi there/);
});
