import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { LabOximy, makeHome, spawnOximy, sudoEnvironment } from "./oximy.js";
import { requireLab } from "./require-lab.js";

describe.skipIf(requireLab())("a second oximy local", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab();
  });
  afterAll(() => lab.close());

  it("is refused with the process of the first, also from another home, and the first goes on", async () => {
    const first = await LabOximy.start(lab);
    for (const home of [first.home, makeHome()]) {
      const second = await spawnOximy(lab, ["local"], { env: sudoEnvironment(home) }).exited;
      expect(second.code).toBe(1);
      expect(second.stderr).toContain(
        `This machine is captured already, by process ${first.process.pid}. [OXIMY_E_REDIRECT]`,
      );
    }
    const status = await lab.machine.exec("nft", ["list", "table", "inet", "oximy"]);
    expect(status.code).toBe(0);
    await first.stop();
  });
});
