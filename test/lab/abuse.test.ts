import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LabProcess } from "../../lab/lab-process.js";
import { ECHO, EchoLab, OTHER, type Way } from "./echo-lab.js";
import { viewOf } from "./echo-view.js";
import { requireLab } from "./require-lab.js";

/**
 * What is done, once directly and once through us, and how many TLS sessions the server gets to see of it. Where
 * both sides hang up at once, it is left to chance which of them does so first.
 */
type Kind = readonly [name: string, sessions: number, end?: "raced"];
const KINDS: readonly Kind[] = [
  ["client abort", 1],
  ["abort in the hello", 0],
  ["server reset", 1],
  ["half-close", 1],
  ["slowloris", 1],
  ["hello in single bytes", 1],
  ["hello of 16 KiB", 1],
  ["SSLv3", 0],
  ["TLS 1.0", 0],
  ["TLS 1.1", 0],
  ["no SNI", 1],
  ["SNI that lies about Host", 1],
  ["CL.TE", 1],
  ["TE.CL", 1],
  ["TE that is none", 1],
  ["two lengths", 1],
  ["bare LF", 1],
  ["folded header", 1],
  ["oversized header", 1],
  ["oversized request line", 1],
  ["HPACK bomb", 1],
  ["random bytes", 0],
  ["random bytes within TLS", 500, "raced"],
];

describe.skipIf(requireLab())("abuse", () => {
  let echo: EchoLab;
  let proxy: number;
  let bystander: LabProcess;
  let descriptors: number;

  beforeAll(async () => {
    echo = await EchoLab.start();
    proxy = echo.oximy.proxyPid;
    bystander = echo.lab.machine.spawn("curl", ["-sSN", `https://${ECHO}/events/100000/20`]);
    await bystander.printed(/"index":1,/);
    // The first event opens what stays open.
    await echo.run("through", "curl", ["-sS", `https://${ECHO}/a`]);
    await echo.oximy.captured(1);
    descriptors = open();
  });
  afterAll(() => echo?.close());

  const open = () => readdirSync(`/proc/${proxy}/fd`).length;

  async function abuse(way: Way, ...[name, sessions, end]: Kind) {
    const before = echo.server.requests.length;
    const args = ["test/lab/clients/abuse.mjs", name, ECHO, OTHER];
    const { stdout, stderr } = await echo.run(way, "node", args, { timeout: 45_000 });
    const received = (await echo.server.received(before + sessions)).slice(before);
    return {
      stdout,
      stderr,
      received: received
        .map((one) => JSON.stringify({ ...viewOf(one), ...(end ? { end } : {}) }, null, 1))
        .sort(),
    };
  }

  it.each(KINDS.map((kind) => ({ name: kind[0], kind })))(
    "is handed on as it is: $name",
    async ({ kind }) => {
      const direct = await abuse("direct", ...kind);
      expect(direct.stdout).not.toContain("hangs");
      expect(await abuse("through", ...kind)).toEqual(direct);
    },
    100_000,
  );

  it("leaves no descriptor open", async () => {
    await expect.poll(open, { timeout: 10_000 }).toBeLessThanOrEqual(descriptors);
  });

  it("does no harm to other connections, nor to the proxy", async () => {
    const already = bystander.stdout.length;
    await expect.poll(() => bystander.stdout.length).toBeGreaterThan(already);
    const indexes = [...bystander.stdout.matchAll(/"index":(\d+)/g)].map(([, index]) => Number(index));
    expect(indexes).toEqual(indexes.map((_, index) => index));
    expect(echo.oximy.proxyPid).toBe(proxy);
    expect(echo.oximy.process.stderr).not.toMatch(/"level":(50|60)/);
    await bystander.stop();
  });
});
