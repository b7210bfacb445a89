import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { serviceNotifier } from "../../src/service/notify.js";
import { temporaryFolder } from "../temporary-folder.js";

/** In the place of systemd's tool: writes down what it was told. */
function standIn(): { readonly env: NodeJS.ProcessEnv; readonly told: () => string[] } {
  const folder = temporaryFolder();
  const file = join(folder, "told");
  const tool = join(folder, "systemd-notify");
  writeFileSync(tool, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >>'${file}'\n`);
  chmodSync(tool, 0o755);
  const told = () => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []);
  return { env: { PATH: `${folder}:${process.env.PATH}` }, told };
}

test("systemd is told that it is ready, that it lives, and that it stops; no child is told how", async () => {
  const { env, told } = standIn();
  Object.assign(env, { NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: "300000", WATCHDOG_PID: "1" });
  const notifier = serviceNotifier(env);
  expect(Object.keys(env)).toEqual(["PATH"]);
  notifier.ready();
  await expect.poll(told).toContain("/run/notify --ready");
  await expect.poll(told).toContain("/run/notify WATCHDOG=1");
  notifier.close();
  await expect.poll(told).toContain("/run/notify STOPPING=1");
});

test("without systemd nothing is run", () => {
  const { env, told } = standIn();
  const notifier = serviceNotifier(env);
  notifier.ready();
  notifier.close();
  expect(told()).toEqual([]);
});
