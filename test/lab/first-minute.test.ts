import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { MAIN, makeHome, spawnOximy, sudoEnvironment } from "./oximy.js";
import { requireLab } from "./require-lab.js";

describe.skipIf(requireLab())("the first minute of oximy local", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: ["api.openai.com"], eventInterval: 0 });
  });
  afterAll(() => lab?.close());

  /** Started at a terminal of its own by script(1), which hands `input` on. */
  const atTerminal = (args: readonly string[]) => {
    const home = makeHome();
    const typescript = join(home, "typescript");
    writeFileSync(typescript, "");
    const command = ["node", MAIN, "local", ...args].join(" ");
    const run = lab.machine.spawn("script", ["-qefc", command, typescript], { env: sudoEnvironment(home) });
    return { home, run };
  };

  it("--quiet prints no event and no line of the log when all goes well", async () => {
    const home = makeHome();
    await spawnOximy(lab, ["ca", "path"], { env: sudoEnvironment(home) }).exited;
    const env = sudoEnvironment(home);
    const run = spawnOximy(lab, ["local", "--no-read", "--quiet", "--trust", "always"], { env });
    const curl = () => lab.machine.exec("curl", ["-sSkv", "-m", "5", "https://api.openai.com/v1/models"]);
    await expect
      .poll(async () => (await curl()).stderr, { timeout: 20_000, interval: 200 })
      .toMatch(/issuer:.*Oximy CA/);
    run.kill("SIGINT");
    const { stdout, stderr, code } = await run.exited;
    expect({ stdout, stderr, code }).toEqual({ stdout: "", stderr: "", code: 130 });
  });

  it("where nothing is read and nobody trusts, a terminal gets the table and the question; n is no", async () => {
    const { run } = atTerminal(["--no-read"]);
    await run.printed(/\[y\/N\] /);
    run.child.stdin.write("n\n");
    await run.printed(/Capturing AI traffic/);
    run.kill("SIGTERM");
    const { stdout } = await run.exited;
    expect(stdout).toContain("captured   none");
    expect(stdout).toContain("sudo oximy ca install --environment");
  });

  it("--no-install-ca never asks", async () => {
    const { run } = atTerminal(["--no-read", "--no-install-ca"]);
    await run.printed(/Capturing AI traffic/);
    run.kill("SIGTERM");
    const { stdout } = await run.exited;
    expect(stdout).toContain("captured   none");
    expect(stdout).not.toContain("[y/N]");
  });
});
