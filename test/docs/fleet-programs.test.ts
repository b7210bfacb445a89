/**
 * What docs/fleet.md and docs/syslog.md say for programs of others, run with them: rsyslog and kcat (Kafka's client with
 * brokers of its own), which Debian has. Skipped where they are not installed.
 */

import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { expect, onTestFinished, test } from "vitest";
import { parse as parseYaml } from "yaml";
import type { OximyEvent } from "../../src/event/event.js";
import { BEFORE_ALL } from "../../src/sinks/export/event-position.js";
import { exportEvents } from "../../src/sinks/export/export-events.js";
import { StateFile } from "../../src/sinks/export/state-file.js";
import { hostAttributes } from "../../src/sinks/otlp/mapping.js";
import { Telemetry } from "../../src/sinks/otlp/telemetry.js";
import { SyslogDestination } from "../../src/sinks/syslog/syslog-destination.js";
import { summarise } from "../../src/traces/event-stats.js";
import { decode } from "../sinks/otlp/protocol.js";
import { SAMPLE_INTERACTION, sampleEvent } from "../sinks/sample-event.js";
import { RSYSLOG_IS_THERE, startRsyslog } from "../sinks/syslog/rsyslog.js";
import { temporaryFolder } from "../temporary-folder.js";

const run = promisify(execFile);
/** Of a machine that has much else to do. */
const LONGEST_MS = 120_000;
const page = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
const [INPUT, OUTPUT] = ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"] as const;
const HOST = { name: "laptop-of-somebody-0042", arch: "x64", system: "linux" };

/** Calls of a developer, with names of usual length. */
function events(count: number): OximyEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const usage = { input_tokens: 10_000 + index, output_tokens: index, cache_read_tokens: index * 2 };
    return sampleEvent({
      event_id: `019ba454-e7b4-7600-9e5e-${String(index).padStart(12, "0")}`,
      client: {
        ...{ pid: 4711, name: "node", path: "/home/somebody/.local/share/agents/bin/node", uid: 1000 },
        ...{
          port: 54_029,
          user: "somebody",
          cwd: "/home/somebody/work/a-project-with-a-name/packages/server",
        },
        repo: { root: "/home/somebody/work/a-project-with-a-name", branch: "a-branch-of-somebody" },
      },
      app: { id: "agent", name: "Agent", vendor: "Vendor", category: "agent", matched_by: "executable" },
      interaction: {
        ...SAMPLE_INTERACTION,
        cost_usd: index / 1_000,
        response: { ...SAMPLE_INTERACTION.response, usage },
      },
    });
  });
}

interface Totals {
  readonly calls: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
}

/** What `oximy stats` says. */
async function totalsOf(all: readonly OximyEvent[]): Promise<Totals> {
  const { tables } = await summarise(all, [["app"]]);
  const sum = (of: (row: (typeof tables)[0]["rows"][0]) => number) =>
    tables[0]!.rows.reduce((total, row) => total + of(row), 0);
  return {
    calls: sum(({ calls }) => calls),
    input_tokens: sum(({ input_tokens }) => input_tokens),
    output_tokens: sum(({ output_tokens }) => output_tokens),
  };
}

const total = (rows: readonly (readonly [input: unknown, output: unknown])[]): Totals => ({
  calls: rows.length,
  input_tokens: rows.reduce((sum, [input]) => sum + Number(input), 0),
  output_tokens: rows.reduce((sum, [, output]) => sum + Number(output), 0),
});

test.runIf(RSYSLOG_IS_THERE)(
  "rsyslog with the configuration of docs/syslog.md has what oximy stats has",
  async () => {
    const [block] = /# rsyslog:[\s\S]*?(?=```)/.exec(page("syslog.md"))!;
    const daemon = await startRsyslog(({ port, written }) =>
      block
        .replace('port="514"', `address="127.0.0.1" port="${port}"`)
        .replace("/var/log/oximy.json", written),
    );
    const all = events(300);
    const home = temporaryFolder();
    const folder = join(home, "traces");
    mkdirSync(folder);
    writeFileSync(
      join(folder, "traces_2026-01-09.jsonl"),
      all.map((event) => `${JSON.stringify(event)}\n`).join(""),
    );
    const finish = new AbortController();
    const context = {
      ...{ version: "0", host: HOST, finish: finish.signal, stop: new AbortController().signal },
      log: (_level: string, message: string) => expect.unreachable(message),
    };
    const address = { kind: "tcp", host: "127.0.0.1", port: daemon.port } as const;
    const destination = new SyslogDestination({ address, format: "ecs", content: false }, context, 10);
    finish.abort(); // what is there, and no more
    const state = new StateFile(join(home, "syslog/state.json"));
    await exportEvents({ ...context, folder, from: BEFORE_ALL, state, destination });
    await expect.poll(() => daemon.lines().length, { timeout: LONGEST_MS }).toBe(all.length);
    const told = daemon.lines().map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(total(told.map((message) => [message[INPUT], message[OUTPUT]]))).toEqual(await totalsOf(all));
  },
  LONGEST_MS,
);

/** One message as the gateway gives it to Kafka: as many spans as it puts into one batch. */
function batch(all: readonly OximyEvent[]): Uint8Array {
  const host = hostAttributes(HOST);
  const telemetry = new Telemetry({ host, names: "latest", content: false, version: "0" });
  return ProtobufTraceSerializer.serializeRequest(all.map((event) => telemetry.span(event)!))!;
}

interface Gateway {
  readonly processors: { readonly batch: { readonly send_batch_max_size: number } };
  readonly exporters: { readonly kafka: { readonly traces: { readonly topic: string } } };
}
const gateway = parseYaml(/```yaml\n(# gateway\.yaml[\s\S]*?)```/.exec(page("fleet.md"))![1]!) as Gateway;
const { send_batch_max_size: spans } = gateway.processors.batch;

test("a batch of the gateway is no larger than what Kafka and its clients take in one message", () => {
  // `message.max.bytes` of brokers is 1,048,588; `max_message_bytes` of the collector's exporter, and librdkafka's, 1,000,000.
  expect(batch(events(spans)).length).toBeLessThan(1_000_000);
});

const KCAT_IS_THERE = spawnSync("kcat", ["-V"]).status === 0;

/** Brokers within a producer that has nothing to say, until the test is over. */
function brokers(topic: string): Promise<string> {
  const mock = ["-X", "test.mock.num.brokers=3", "-d", "mock"];
  const child = spawn("kcat", ["-P", "-b", "none", "-t", topic, ...mock], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return new Promise((resolve, reject) => {
    let told = "";
    child.stderr.on("data", (bytes: Buffer) => {
      told += bytes;
      const servers = /bootstrap\.servers=(\S+)/.exec(told)?.[1];
      if (servers !== undefined) resolve(servers);
    });
    child.once("exit", () => reject(new Error(told)));
  });
}

test.runIf(KCAT_IS_THERE)(
  "what the gateway gives to Kafka comes out as it went in, and has what oximy stats has",
  async () => {
    const { topic } = gateway.exporters.kafka.traces;
    const servers = await brokers(topic);
    const folder = temporaryFolder();
    const all = events(spans * 2);
    const files = [0, spans].map((from) => {
      const file = join(folder, `batch-${from}`);
      writeFileSync(file, batch(all.slice(from, from + spans)));
      return file;
    });
    await run("kcat", ["-P", "-b", servers, "-t", topic, ...files]);
    // Each message with its length before it (`%R`).
    const consume = ["-C", "-q", "-b", servers, "-t", topic, "-o", "beginning", "-c", "2", "-f", "%R%s"];
    const { stdout } = await run("kcat", consume, { encoding: "buffer", maxBuffer: 16 << 20 });
    const rows: (readonly [unknown, unknown])[] = [];
    for (let at = 0; at < stdout.length; at += 4 + stdout.readUInt32BE(at)) {
      const message = stdout.subarray(at + 4, at + 4 + stdout.readUInt32BE(at));
      for (const { attributes } of decode("traces", message)) {
        rows.push([attributes[INPUT], attributes[OUTPUT]]);
      }
    }
    expect(total(rows)).toEqual(await totalsOf(all));
  },
  LONGEST_MS,
);
