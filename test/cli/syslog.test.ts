import { once } from "node:events";
import { appendFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { localDate, tracesFileName } from "../../src/sinks/traces-folder.js";
import { sampleEvent } from "../sinks/sample-event.js";
import { LogServer } from "../sinks/syslog/log-server.js";
import { temporaryFolder } from "../temporary-folder.js";
import { runOximy, startOximy } from "./oximy.js";

test("a capture has a log server told of its events, to the last one", { timeout: 120_000 }, async () => {
  const server = await LogServer.open();
  const home = temporaryFolder();
  mkdirSync(join(home, "traces"));
  const file = join(home, "traces", tracesFileName(localDate(new Date())));
  const write = (event_id: string) => appendFileSync(file, `${JSON.stringify(sampleEvent({ event_id }))}\n`);
  write("before");
  const bundle = new URL("../../data/oisp-bundle.json", import.meta.url).pathname;
  const address = `tcp://127.0.0.1:${server.port}`;
  const capture = startOximy(["proxy", "--port", "0", "--syslog", address, "--bundle-file", bundle], {
    OXIMY_HOME: home,
  });
  let said = "";
  capture.stderr!.on("data", (chunk) => {
    said += chunk;
  });
  await expect.poll(() => said, { timeout: 90_000 }).toContain("Proxy on ");
  write("1");
  await server.until(() => server.messages.length === 1);
  write("2");
  capture.kill("SIGINT");
  await once(capture, "exit");
  expect(server.ids()).toEqual(["1", "2"]);
  expect(server.failures).toEqual([]);
  expect(readdirSync(join(home, "syslog")).filter((name) => !name.endsWith(".json"))).toEqual([]);
});

test.each([
  [["--syslog", "logs.example:514"], "It must be tls://HOST:PORT"],
  [["--syslog", "tcp://logs.example", "--syslog-format", "cef"], "It must be oximy or ecs or ocsf"],
])("says 2 for %j", async (args, said) => {
  const { code, stderr } = await runOximy(["proxy", "--port", "0", ...args], {
    env: { OXIMY_HOME: temporaryFolder() },
  });
  expect(stderr).toContain(said);
  expect(code).toBe(2);
});
