import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { LabProcess } from "../../lab/lab-process.js";
import { EMBEDDED_LOCATION } from "../../src/oisp/embedded.js";
import { temporaryFolder } from "../temporary-folder.js";

const PROGRAM = fileURLToPath(new URL("start-explicit.ts", import.meta.url));

const REGISTER = new URL("../typescript-threads.mjs", import.meta.url).href;

/** Runs to its own end. What does not end keeps something open, and fails the test by its time. */
async function start(home: string, outputDir: string, port: number): Promise<string> {
  const arguments_ = ["--import", REGISTER, PROGRAM, home, EMBEDDED_LOCATION, outputDir, String(port)];
  const running = new LabProcess(process.execPath, arguments_, { env: { OXIMY_HOME: home } });
  onTestFinished(async () => void (await running.stop()));
  const { code, stdout, stderr } = await running.exited;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.trim();
}

test("a capture starts, and is gone when it was stopped", { timeout: 60_000 }, async () => {
  const home = temporaryFolder();
  expect(await start(home, join(home, "traces"), 0)).toMatch(/^started\nstopped .*"events":0/);
});

test("a port that is taken fails the start, and nothing is left behind", { timeout: 60_000 }, async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  onTestFinished(() => void taken.close());
  const home = temporaryFolder();
  expect(await start(home, join(home, "traces"), (taken.address() as AddressInfo).port)).toBe(
    "OXIMY_E_PORT_TAKEN",
  );
});

test("a folder that cannot be written fails the start, and nothing is left behind", {
  timeout: 60_000,
}, async () => {
  expect(await start(temporaryFolder(), "/dev/null/traces", 0)).toBe("OXIMY_E_OUTPUT_DIR");
});

test("a CA that cannot be used fails the start, and nothing is left behind", {
  timeout: 60_000,
}, async () => {
  const home = temporaryFolder();
  mkdirSync(join(home, "ca"));
  writeFileSync(join(home, "ca", "oximy-ca-cert.pem"), "not a certificate");
  expect(await start(home, join(home, "traces"), 0)).toBe("OXIMY_E_CA");
});
