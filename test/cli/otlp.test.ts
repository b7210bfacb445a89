import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { localDate, tracesFileName } from "../../src/sinks/traces-folder.js";
import { Receiver } from "../sinks/otlp/receiver.js";
import { sampleEvent } from "../sinks/sample-event.js";
import { temporaryFolder } from "../temporary-folder.js";
import { runOximy, startOximy } from "./oximy.js";

test("a capture has a collector told of its events, to the last one", { timeout: 120_000 }, async () => {
  const receiver = await Receiver.open();
  const home = temporaryFolder();
  mkdirSync(join(home, "traces"));
  const file = join(home, "traces", tracesFileName(localDate(new Date())));
  const write = (event_id: string) => appendFileSync(file, `${JSON.stringify(sampleEvent({ event_id }))}\n`);
  write("before");
  const bundle = new URL("../../data/oisp-bundle.json", import.meta.url).pathname;
  const capture = startOximy(["proxy", "--port", "0", "--otlp", receiver.url, "--bundle-file", bundle], {
    OXIMY_HOME: home,
  });
  let said = "";
  capture.stderr!.on("data", (chunk) => {
    said += chunk;
  });
  await expect.poll(() => said, { timeout: 90_000 }).toContain("Proxy on ");
  write("1");
  await receiver.until(() => receiver.ids().length === 1);
  write("2");
  capture.kill("SIGINT");
  await once(capture, "exit");
  expect(receiver.ids()).toEqual(["1", "2"]);
  expect(readdirSync(join(home, "otlp")).filter((name) => !name.endsWith(".json"))).toEqual([]);
  expect(existsSync(join(home, "otlp"))).toBe(true);
});

test.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: "grpc://collector:4317" }, "is not an http(s) URL"],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    "only http/protobuf is supported",
  ],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_EXPORTER_OTLP_HEADERS: "secret" },
    "is not written as name=value",
  ],
])("says 2 for variables that cannot be used: %o", async (env, said) => {
  const { code, stderr } = await runOximy(["proxy", "--port", "0"], {
    env: { OXIMY_HOME: temporaryFolder(), ...env },
  });
  expect(stderr).toContain(said);
  expect(stderr).not.toContain("secret");
  expect(code).toBe(2);
});
