/** The real daemon, with a configuration of its own on loopback; skipped where rsyslogd is not installed. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BEFORE_ALL } from "../../../src/sinks/export/event-position.js";
import { exportEvents } from "../../../src/sinks/export/export-events.js";
import { StateFile } from "../../../src/sinks/export/state-file.js";
import { SyslogDestination } from "../../../src/sinks/syslog/syslog-destination.js";
import type { SyslogAddress } from "../../../src/user/syslog-settings.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { sampleEvent } from "../sample-event.js";
import { RSYSLOG_IS_THERE, startRsyslog } from "./rsyslog.js";

const rsyslog = () =>
  startRsyslog(
    ({ port, written }) => `global(maxMessageSize="64k")
module(load="imtcp") input(type="imtcp" address="127.0.0.1" port="${port}")
module(load="imudp") input(type="imudp" address="127.0.0.1" port="${port}")
template(name="told" type="string" string="%syslogfacility-text%.%syslogseverity-text% %app-name% %msgid% %msg%\\n")
*.* action(type="omfile" file="${written}" template="told")`,
  );

test.runIf(RSYSLOG_IS_THERE).each<["tcp" | "udp" | "unix", string]>([
  ["tcp", "local0.info oximy call"],
  ["udp", "local0.info oximy call"],
  ["unix", "local0.info oximy -"],
])("rsyslog takes what it is told by %s, whole and as JSON", async (kind, before) => {
  const daemon = await rsyslog();
  const home = temporaryFolder();
  const folder = join(home, "traces");
  mkdirSync(folder);
  const ids = Array.from({ length: 100 }, (_, index) => `ü${index}`);
  const events = ids.map((event_id) => `${JSON.stringify(sampleEvent({ event_id }))}\n`);
  writeFileSync(join(folder, "traces_2026-01-09.jsonl"), events.join(""));
  const address: SyslogAddress =
    kind === "unix" ? { kind, path: daemon.socket } : { kind, host: "127.0.0.1", port: daemon.port };
  const [finish, stop] = [new AbortController(), new AbortController()];
  const said: string[] = [];
  const context = {
    version: "0",
    host: { name: "host", arch: "x64", system: "linux" },
    log: (_level: string, message: string) => void said.push(message),
    finish: finish.signal,
    stop: stop.signal,
  };
  const destination = new SyslogDestination({ address, format: "oximy", content: false }, context, 10);
  finish.abort(); // what is there, and no more
  const state = new StateFile(join(home, "syslog/state.json"));
  await exportEvents({ ...context, folder, from: BEFORE_ALL, state, destination });
  expect(said).toEqual([]);
  await expect.poll(() => daemon.lines().length, { timeout: 20_000 }).toBe(100);
  const lines = daemon.lines();
  const jsonOf = (line: string) => JSON.parse(line.slice(line.indexOf("{"))) as { event_id: string };
  expect(lines.map((line) => jsonOf(line).event_id)).toEqual(ids);
  expect(lines.every((line) => line.startsWith(before))).toBe(true);
});
