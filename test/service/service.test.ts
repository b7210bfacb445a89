import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "plist";
import { describe, expect, test } from "vitest";
// @ts-expect-error a script without types
import { unitOf as unitOfPackage } from "../../scripts/deb-files.mjs";
import { launchdPlist } from "../../src/service/launchd-plist.js";
import { type Service, whyUnfit } from "../../src/service/service.js";
import { CAPABILITIES, systemdUnit } from "../../src/service/systemd-unit.js";
import { runOximy } from "../cli/oximy.js";
import { temporaryFolder } from "../temporary-folder.js";

const service: Service = {
  node: "/usr/bin/node",
  main: "/usr/lib/node_modules/oximy/oximy.js",
  args: ["--json", "--app", 'a "b" 100% $HOME \\ <x>&'],
  invokingUser: { uid: 1_000, gid: 1_001, user: "ana" },
  variables: { OXIMY_HOME: "/home/ana/my oximy" },
};
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
/** One that is there, for the unit to name. */
const here: Service = { ...service, node: process.execPath, main: "/dev/null", args: ["--json"] };

describe("the unit of systemd", () => {
  test("says what is run for whom, each word as it was given", () => {
    const lines = systemdUnit(service).split("\n");
    expect(lines).toContain(
      'ExecStart=/usr/bin/node /usr/lib/node_modules/oximy/oximy.js local --json --app "a \\"b\\" 100%% $$HOME \\\\ <x>&"',
    );
    expect(lines.filter((line) => line.startsWith("Environment="))).toEqual([
      "Environment=SUDO_UID=1000",
      "Environment=SUDO_GID=1001",
      "Environment=SUDO_USER=ana",
      'Environment="OXIMY_HOME=/home/ana/my oximy"',
    ]);
  });

  test("of root itself has no user beside", () => {
    expect(systemdUnit({ ...service, invokingUser: { uid: 0, gid: 0 } })).not.toContain("SUDO");
  });

  test("of the Debian package is the same, of the user whom /etc/default/oximy names", () => {
    const lines = (unitOfPackage as (unit: typeof systemdUnit) => string)(systemdUnit).split("\n");
    expect(lines).toContain("EnvironmentFile=-/etc/default/oximy");
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^ExecStart=\/usr\/lib\/oximy\/bin\/node \/usr\/lib\/oximy\/dist\/cli\/main\.js local --json$/,
      ),
    );
    expect(lines.filter((line) => line.startsWith("Environment="))).toEqual([]);
  });

  test("gives no capability that is not said what for", () => {
    expect(CAPABILITIES.map(([, why]) => why).filter((why) => why.length < 5)).toEqual([]);
    expect(new Set(CAPABILITIES.map(([name]) => name)).size).toBe(CAPABILITIES.length);
    const set = /^CapabilityBoundingSet=(.*)$/m.exec(systemdUnit(service))?.[1]?.split(" ");
    expect(set).toEqual(CAPABILITIES.map(([name]) => name));
    for (const refused of ["CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_BOOT", "CAP_SYS_TIME", "CAP_MKNOD"])
      expect(set).not.toContain(refused);
  });

  test.skipIf(!hasSystemd)("is one to systemd, which has nothing to say against it", () => {
    const file = join(temporaryFolder(), "oximy.service");
    writeFileSync(file, systemdUnit(here));
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", file], {
      encoding: "utf8",
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test.skipIf(!hasSystemd)("is less exposed than one without hardening", () => {
    const exposure = (text: string) => {
      const file = join(temporaryFolder(), "oximy.service");
      writeFileSync(file, text);
      const args = ["security", "--offline=yes", "--no-pager", file];
      const told = execFileSync("systemd-analyze", args, { encoding: "utf8" });
      return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(told)?.[1]);
    };
    const bare = systemdUnit(here).replace(
      /^(Capab|NoNew|Restrict|Protect|Lock|SystemCall|Device|UMask).*\n/gm,
      "",
    );
    const hardened = exposure(systemdUnit(here));
    expect(exposure(bare)).toBeGreaterThan(9);
    expect(hardened).toBeLessThan(6.5);
  });
});

test("the daemon of launchd says the same", () => {
  const found = parse(launchdPlist(service)) as Record<string, unknown>;
  expect(found).toMatchObject({
    Label: "com.oximy.local",
    ProgramArguments: [service.node, service.main, "local", ...service.args],
    EnvironmentVariables: { SUDO_UID: "1000", SUDO_GID: "1001", SUDO_USER: "ana", ...service.variables },
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    Umask: 0o077,
  });
});

test.each([
  ["a line break in a flag", { args: ["--app", "x\nExecStartPre=/bin/sh"] }],
  ["a NUL in a variable", { variables: { OXIMY_HOME: "/home/\0" } }],
])("%s is not written into a file of the system's", (_what, change) => {
  expect(whyUnfit({ ...service, ...change })).toMatch(/control character/);
  expect(whyUnfit(service)).toBeUndefined();
});

describe.skipIf(process.platform !== "linux")("oximy service", () => {
  test("install --print shows the unit and changes nothing", async () => {
    const { code, stdout } = await runOximy(["service", "install", "--print", "--", "--no-read"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ExecStart=\S+ \S+main\.js local --json --no-read$/m);
  });

  test("is for root to change", async () => {
    for (const verb of ["install", "uninstall"]) {
      const { code, stderr } = await runOximy(["service", verb], { uid: 12_345, gid: 12_345 });
      expect([code, stderr]).toEqual([3, expect.stringContaining(`sudo oximy service ${verb}`)]);
    }
  });
});
