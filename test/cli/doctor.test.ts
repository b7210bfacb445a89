import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Finding } from "../../src/doctor/finding.js";
import { MAIN } from "../built-oximy.js";
import { temporaryFolder } from "../temporary-folder.js";
import { runToEnd } from "./oximy.js";

const isolated =
  process.platform === "linux" &&
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["-n", "true"]).status === 0;

interface Run {
  readonly code: number;
  readonly ready: boolean;
  readonly findings: readonly Finding[];
  /** What nft shows after it. */
  readonly rules: string;
}

/** In a network namespace of its own, where a mistake would hurt nobody. */
async function doctor(home: string, env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const script = '"$0" "$1" doctor --json; code=$?; echo; echo ---; nft list ruleset; exit $code';
  const { code, stdout } = await runToEnd("unshare", ["-n", "sh", "-c", script, process.execPath, MAIN], {
    env: { PATH: process.env.PATH, HOME: home, OXIMY_HOME: join(home, ".oximy"), ...env },
    timeout: 20_000,
  });
  const [json = "", rules = ""] = stdout.split("\n---\n");
  return { code, rules, ...JSON.parse(json) };
}

describe.skipIf(!isolated)("oximy doctor", () => {
  it("says 0 when capture works, and leaves nothing behind", async () => {
    const home = temporaryFolder();
    const { code, ready, findings, rules } = await doctor(home);
    expect(findings.filter(({ level }) => level === "missing")).toEqual([]);
    expect([code, ready, rules]).toEqual([0, true, ""]);
    expect(readdirSync(home)).toEqual([]);
    expect(findings).toContainEqual({ about: "rules", level: "ok", what: "the kernel accepts them" });
  });

  it("says 4 and what to do when something is missing", async () => {
    const home = temporaryFolder();
    writeFileSync(join(home, "file"), "");
    const { code, findings } = await doctor(home, { OXIMY_OUTPUT_DIR: join(home, "file") });
    expect(findings.filter(({ level }) => level === "missing")).toMatchObject([
      { about: "output", advice: expect.stringContaining("--output-dir") },
    ]);
    expect(code).toBe(4);
  });

  it("tells of a certificate that cannot be used", async () => {
    const home = temporaryFolder();
    mkdirSync(join(home, ".oximy/ca"), { recursive: true });
    writeFileSync(join(home, ".oximy/ca/oximy-ca-cert.pem"), "no certificate");
    const { code, findings } = await doctor(home);
    expect(findings.find(({ about }) => about === "certificate")?.level).toBe("missing");
    expect(code).toBe(4);
  });
});
