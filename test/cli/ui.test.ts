import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { announcePort, isAnnounced } from "../../src/engine/page-ports.js";
import { temporaryFolder } from "../temporary-folder.js";
import { runOximy, startOximy } from "./oximy.js";

/** The address that it prints, and what it says beside. */
async function started(child: ReturnType<typeof startOximy>): Promise<{ address: URL; said: () => string }> {
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [printed] = (await once(child.stdout!, "data")) as [Buffer];
  return { address: new URL(printed.toString().trim()), said: () => said };
}

it("oximy ui prints the address of the page, announces its port, and withdraws it at the end", async () => {
  const home = temporaryFolder();
  const child = startOximy(["ui", "--no-open"], { OXIMY_HOME: home });
  const { address } = await started(child);
  expect(address.origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const page = await fetch(address, { redirect: "manual" });
  expect(page.status).toBe(303);
  // The port is announced before the address is printed.
  expect(isAnnounced(home, Number(address.port))).toBe(true);
  const ended = once(child, "exit");
  child.kill("SIGINT");
  expect(await ended).toEqual([130, null]);
  expect(readdirSync(join(home, "ui"))).toEqual([]);
});

it("a port that is taken is told", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const env = { OXIMY_HOME: temporaryFolder() };
  const { code, stderr } = await runOximy(["ui", "--no-open", "--port", String(port)], { env });
  expect([code, stderr]).toEqual([1, expect.stringContaining("[OXIMY_E_PORT_TAKEN]")]);
});

it("a port is announced for as long as its process runs", () => {
  const home = temporaryFolder();
  expect(isAnnounced(home, 4711)).toBe(false);
  mkdirSync(join(home, "ui"));
  // No process has this number: it is above what kernels give (pid_max, proc(5)).
  writeFileSync(join(home, "ui", "4711"), "4194305\n");
  writeFileSync(join(home, "ui", "4713"), "no number\n");
  expect([isAnnounced(home, 4711), isAnnounced(home, 4713)]).toEqual([false, false]);
  const withdraw = announcePort(home, 4712);
  expect([isAnnounced(home, 4712), existsSync(join(home, "ui", "4711"))]).toEqual([true, false]);
  withdraw();
  expect(isAnnounced(home, 4712)).toBe(false);
});
