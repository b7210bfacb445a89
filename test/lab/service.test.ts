import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabProcess } from "../../lab/lab-process.js";
import { usePrivateCopies } from "../../lab/private-copies.js";
import type { OximyEvent } from "../../src/event/event.js";
import { CAPABILITIES } from "../../src/service/systemd-unit.js";
import { MAIN, makeHome, spawnOximy, stateFolderOf, sudoEnvironment } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const SET = ["-all", ...CAPABILITIES.map(([name]) => name.toLowerCase().replace("cap_", "+"))].join(",");
const BOUNDED = ["--bounding-set", SET, "--inh-caps", "-all", "--no-new-privs"];
const unsuited = requireLab() || spawnSync("setpriv", [...BOUNDED, "true"]).status !== 0;

/** What the unit of systemd takes from it, taken by setpriv(1): a container has no systemd to start it. */
describe.skipIf(unsuited)("oximy local, with the capabilities of its unit and no new privileges", () => {
  let lab: Lab;
  let oximy: LabProcess;
  beforeAll(async () => {
    lab = await createLab();
    await usePrivateCopies(lab);
    await lab.addServer({ names: ["api.openai.com"] });
  });
  afterEach(async () => {
    oximy?.kill("SIGTERM");
    await oximy?.exited;
  });
  afterAll(() => lab?.close());

  it.each([
    ["reads", "read", []],
    ["intercepts", "intercept", ["--no-read"]],
  ] as const)(
    "%s, and ends on SIGTERM with nothing left",
    async (_what, via, flags) => {
      const home = makeHome();
      const env = sudoEnvironment(home);
      await spawnOximy(lab, ["ca", "path"], { env }).exited;
      oximy = lab.machine.spawn("setpriv", [...BOUNDED, "node", MAIN, "local", "--json", ...flags], { env });
      await expect.poll(() => oximy.stderr, { timeout: 60_000 }).toMatch(/Capturing AI traffic/);
      const status = readFileSync(`/proc/${oximy.pid}/status`, "utf8");
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      expect(/^CapEff:\t(\w+)$/m.exec(status)?.[1]).toBe(/^CapBnd:\t(\w+)$/m.exec(status)?.[1]);

      const roots = join(stateFolderOf(home), "ca/oximy-ca-cert.pem");
      const vias = () =>
        readdirSync(join(home, "traces"))
          .flatMap((file) =>
            readFileSync(join(home, "traces", file), "utf8")
              .split("\n")
              .filter(Boolean),
          )
          .map((line) => (JSON.parse(line) as OximyEvent).metadata.via);
      // The first call may come before its program was searched through.
      const call = async () => {
        const options = via === "intercept" ? { env: { CURL_CA_BUNDLE: roots } } : {};
        await lab.machine.exec("curl", ["-sS", "https://api.openai.com/v1/models"], options);
        return vias();
      };
      await expect.poll(call, { timeout: 60_000 }).toContain(via);

      oximy.kill("SIGTERM");
      expect((await oximy.exited).code).toBe(0);
      const { stdout } = await lab.machine.exec("nft", ["list", "tables"]);
      expect(stdout).not.toContain("oximy\n");
    },
    150_000,
  );
});
