import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import type { DestinationContext } from "../../../src/sinks/export/destination.js";
import { BEFORE_ALL, endOf } from "../../../src/sinks/export/event-position.js";
import { exportEvents } from "../../../src/sinks/export/export-events.js";
import { StateFile } from "../../../src/sinks/export/state-file.js";
import { MAX_DATAGRAM } from "../../../src/sinks/syslog/datagrams.js";
import { SyslogDestination } from "../../../src/sinks/syslog/syslog-destination.js";
import type { SyslogAddress, SyslogSettings } from "../../../src/user/syslog-settings.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { sampleEvent } from "../sample-event.js";
import { LogServer } from "./log-server.js";
import { testAuthority } from "./tls-authority.js";

let home: string;
let folder: string;
let file: string;
let state: string;

beforeEach(() => {
  home = temporaryFolder();
  folder = join(home, "traces");
  mkdirSync(folder);
  file = join(folder, "traces_2026-01-09.jsonl");
  state = join(home, "syslog/state.json");
});

const write = (...ids: string[]) => {
  for (const event_id of ids) appendFileSync(file, `${JSON.stringify(sampleEvent({ event_id }))}\n`);
};
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `e${index}`);
const at = (port: number, kind: "tcp" | "tls" | "udp" = "tcp"): SyslogAddress => ({
  kind,
  host: "127.0.0.1",
  port,
});

/** Resolves when it is remembered that all of the file was told of. */
const told = () =>
  expect
    .poll(() => existsSync(state) && JSON.parse(readFileSync(state, "utf8")).offset, { timeout: 20_000 })
    .toBe(statSync(file).size);

function start(address: SyslogAddress, fields: Partial<SyslogSettings> = {}, from = BEFORE_ALL) {
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
  const settings: SyslogSettings = { address, format: "oximy", content: false, ...fields };
  const destination = new SyslogDestination(settings, context, 10);
  const ended = exportEvents({ ...context, folder, from, state: new StateFile(state), destination });
  const end = (how: AbortController[]) => {
    for (const controller of how) controller.abort();
    return ended;
  };
  onTestFinished(() => end([stop, finish]));
  return { said, finish: () => end([finish]), stop: () => end([stop, finish]) };
}

test("events that are there and that come are told of once, in their order", async () => {
  const server = await LogServer.open();
  write("1", "2");
  const running = start(at(server.port));
  await server.until(() => server.messages.length === 2);
  write("3");
  await server.until(() => server.messages.length === 3);
  await running.finish();
  expect(server.ids()).toEqual(["1", "2", "3"]);
  expect(server.messages.map(({ data }) => data.meta?.sequenceId)).toEqual(["1", "2", "3"]);
  expect(server.messages[0]).toMatchObject({
    hostName: "host",
    appName: "oximy",
    messageId: "call",
    severity: 6,
  });
  expect(server.failures).toEqual([]);
  expect(running.said).toEqual([]);
});

test("a server that is away is told of everything when it is back, also by the next capture", async () => {
  const first = await LogServer.open();
  await first.close();
  write("1");
  const running = start(at(first.port));
  await expect
    .poll(() => running.said)
    .toEqual([
      "warn: The log server cannot be reached; events stay in their files until it can: ECONNREFUSED",
    ]);
  await running.finish();
  write("2");
  const server = await LogServer.open("tcp", first.port);
  const next = start(at(first.port), {}, endOf(folder));
  await server.until(() => server.messages.length === 2);
  await next.finish();
  expect(server.ids()).toEqual(["1", "2"]);
});

test("what a connection that broke may have taken with it is sent again, and nothing is lost", async () => {
  const server = await LogServer.open();
  server.onConnection = (_socket, number) => (number <= 2 ? { breakAfter: 1_000 * number } : "read");
  write(...numbered(100));
  const running = start(at(server.port));
  await told();
  await running.finish();
  expect(new Set(server.ids())).toEqual(new Set(numbered(100)));
  expect(server.connections).toBe(3);
  expect(running.said.at(-1)).toBe("info: The log server can be reached again.");
});

test("a server that reads slowly is waited for, and is not told more meanwhile", async () => {
  const server = await LogServer.open();
  let goOn = () => {};
  server.onConnection = (socket, number) => {
    if (number > 1) return "read";
    socket.pause();
    goOn = () => void socket.resume();
    return "read";
  };
  write(...numbered(2_000));
  const running = start(at(server.port));
  await server.until(() => server.connections === 1);
  write("last");
  expect(server.messages).toEqual([]);
  goOn();
  await told();
  await running.finish();
  expect(server.ids()).toEqual([...numbered(2_000), "last"]);
});

test("what was not ended in good order when the capture ends is sent by the next one", async () => {
  const server = await LogServer.open();
  server.onConnection = (_socket, number) => (number === 1 ? "kept" : "read");
  write("1");
  const running = start(at(server.port));
  await server.until(() => server.messages.length === 1);
  await running.stop();
  const next = start(at(server.port), {}, endOf(folder));
  await told();
  await next.finish();
  expect(server.ids()).toEqual(["1", "1"]);
});

test("a server by TLS is verified against the roots that are named", async () => {
  const { key, certificate } = testAuthority();
  const server = await LogServer.open({ key, cert: certificate });
  write("1");
  const stranger = start(at(server.port, "tls"));
  await expect.poll(() => stranger.said.length).toBe(1);
  expect(stranger.said[0]).toMatch(/DEPTH_ZERO_SELF_SIGNED_CERT|self.signed/i);
  await stranger.stop();
  expect(server.messages).toEqual([]);
  const roots = join(home, "roots.pem");
  writeFileSync(roots, certificate);
  const running = start(at(server.port, "tls"), { certificate: roots });
  await told();
  await running.finish();
  expect(server.ids()).toEqual(["1"]);
});

test("by UDP each message is a datagram, and none is larger than receivers take", async () => {
  const server = await LogServer.openUdp();
  write(...numbered(40));
  const long = sampleEvent({ event_id: "long", client: { port: 1, cwd: `/${"d".repeat(3_000)}` } });
  appendFileSync(file, `${JSON.stringify(long)}\n`);
  const running = start(at(server.port, "udp"));
  await server.until(() => server.messages.length === 41);
  await running.finish();
  expect(server.ids()).toEqual([...numbered(40), "long"]);
  expect(Math.max(...server.lengths)).toBeLessThanOrEqual(MAX_DATAGRAM);
  expect(JSON.parse(server.messages[40]!.text)).toMatchObject({ "oximy.left_out": ["client.cwd"] });
});

test("by UDP it is noticed when nobody listens", async () => {
  const server = await LogServer.open(); // of TCP: no datagram gets there
  write("1");
  const running = start(at(server.port, "udp"));
  await expect
    .poll(() => running.said, { timeout: 10_000 })
    .toEqual([
      "warn: The log server cannot be reached; events stay in their files until it can: ECONNREFUSED",
    ]);
});
