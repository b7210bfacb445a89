import { chmodSync, chownSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { beforeEach, describe, expect, it, test } from "vitest";
import {
  addCaptureOptions,
  captureSettings,
  flagsOverruled,
  optionsInForce,
} from "../../src/cli/capture-options.js";
import { MANAGED_FILE, readManagedFile } from "../../src/cli/managed-file.js";
import { MAIN } from "../built-oximy.js";
import { temporaryFolder } from "../temporary-folder.js";
import { runToEnd } from "./oximy.js";

const root = process.getuid?.() === 0;
const NOBODY = 65_534;

let folder: string;
let file: string;
let home: string;

beforeEach(() => {
  folder = temporaryFolder();
  file = join(folder, "etc/oximy/config.json");
  home = join(folder, "home");
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  mkdirSync(home);
});

function manage(settings: object): void {
  writeFileSync(file, JSON.stringify(settings), { mode: 0o644 });
}

const use = (settings: object) => writeFileSync(join(home, "config.json"), JSON.stringify(settings));

function commandWith(...args: string[]): Command {
  const command = addCaptureOptions(new Command("proxy")).exitOverride();
  return command.parse(args, { from: "user" });
}

describe.runIf(root)("what root fixed", () => {
  it.each<[string, object, object, NodeJS.ProcessEnv, string[], object]>([
    ["over a flag", { keep_days: 30 }, {}, {}, ["--keep-days", "5"], { keepDays: 30 }],
    ["over a switch", { include_raw: true }, {}, {}, ["--no-include-raw"], { includeRaw: true }],
    ["over a variable", { keep_days: 30 }, {}, { OXIMY_KEEP_DAYS: "5" }, [], { keepDays: 30 }],
    [
      "over a variable that cannot be used",
      { keep_days: 30 },
      {},
      { OXIMY_KEEP_DAYS: "x" },
      [],
      { keepDays: 30 },
    ],
    ["over the user's file", { keep_days: 30 }, { keep_days: 5 }, {}, [], { keepDays: 30 }],
    ["false, too", { intercept: false }, { intercept: true }, {}, [], { intercept: false }],
    [
      "and no more than that",
      { keep_days: 30 },
      { max_body: "1M" },
      {},
      ["--no-read"],
      { keepDays: 30, maxBody: 1 << 20, read: false },
    ],
    [
      "a collector, whatever switches exporters off",
      { otlp: "http://c:4318" },
      {},
      { OTEL_SDK_DISABLED: "true", OTEL_LOGS_EXPORTER: "none" },
      [],
      {
        otlp: {
          endpoints: {
            traces: "http://c:4318/v1/traces",
            logs: "http://c:4318/v1/logs",
            metrics: "http://c:4318/v1/metrics",
          },
        },
      },
    ],
  ])("counts %s", (_name, managed, own, env, args, expected) => {
    manage(managed);
    use(own);
    expect(captureSettings(commandWith(...args), home, env, file).settings).toMatchObject(expected);
  });

  it.each<[string, object, string[], string[]]>([
    [
      "another value",
      { keep_days: 30 },
      ["--keep-days", "5"],
      [`--keep-days is ignored: FILE fixes keep_days to 30.`],
    ],
    ["the same value", { keep_days: 30 }, ["--keep-days", "30"], []],
    [
      "the opposite of a switch",
      { read: true },
      ["--no-read"],
      ["--no-read is ignored: FILE fixes read to true."],
    ],
    ["what is not fixed", { read: true }, ["--keep-days", "5"], []],
    [
      "two of them",
      { quiet: false, max_body: "1M" },
      ["--quiet", "--max-body", "2M"],
      [
        "--max-body is ignored: FILE fixes max_body to 1048576.",
        "--quiet is ignored: FILE fixes quiet to false.",
      ],
    ],
  ])("is told to who gives a flag that says %s", (_name, managed, args, sentences) => {
    manage(managed);
    expect(flagsOverruled(commandWith(...args), file)).toEqual(
      sentences.map((sentence) => sentence.replace("FILE", file)),
    );
  });

  it("is not asked about options of other commands by the same name", () => {
    manage({ json: false });
    const command = new Command("config").option("--json", "print JSON", false);
    expect(flagsOverruled(command.parse(["--json"], { from: "user" }), file)).toEqual([]);
  });

  it("is said to be fixed, for each option", () => {
    manage({ keep_days: 30 });
    use({ keep_days: 5, max_body: "1M" });
    const rows = optionsInForce(home, {}, file);
    expect(rows.find(({ key }) => key === "keep_days")).toMatchObject({ value: 30, source: "managed" });
    expect(rows.find(({ key }) => key === "max_body")).toMatchObject({ value: 1 << 20, source: "file" });
  });

  it.each([
    ["no JSON", "{", "cannot be read"],
    ["no object", "[]", "must hold one JSON object"],
    ["an unknown key", '{"keep_day":3}', 'unknown option "keep_day"'],
    ["a value that cannot be used", '{"keep_days":"many"}', '"many" is not usable'],
  ])("cannot be %s", (_name, text, complaint) => {
    writeFileSync(file, text);
    expect(() => captureSettings(commandWith(), home, {}, file)).toThrow(complaint);
  });
});

describe.runIf(root)("the file of what root fixed", () => {
  it.each<[string, () => void, string | RegExp]>([
    ["belongs to another", () => chownSync(file, NOBODY, 0), "belongs to another user than root (uid 65534)"],
    [
      "can be written by its group",
      () => chmodSync(file, 0o664),
      "others than root may write to it (mode 0664)",
    ],
    ["can be written by all", () => chmodSync(file, 0o646), "others than root may write to it (mode 0646)"],
    [
      "is in a folder of another",
      () => chownSync(dirname(file), NOBODY, 0),
      "belongs to another user (uid 65534)",
    ],
    [
      "is below a folder of another",
      () => chownSync(join(folder, "etc"), NOBODY, 0),
      "belongs to another user (uid 65534)",
    ],
    [
      "is in a folder that a group can write to",
      () => chmodSync(dirname(file), 0o775),
      /others than root may write to .*oximy \(mode 0775\)/,
    ],
    [
      "is below a folder that all can write to",
      () => chmodSync(join(folder, "etc"), 0o777),
      /Others may write to .*etc \(mode 0777\)/,
    ],
    [
      "is in a sticky folder that all can write to",
      () => chmodSync(dirname(file), 0o1777),
      /make files in .*oximy \(mode 1777\)/,
    ],
    [
      "is a link",
      () => {
        rmSync(file);
        writeFileSync(join(folder, "elsewhere"), "{}");
        symlinkSync(join(folder, "elsewhere"), file);
      },
      "it is a link, or not a regular file",
    ],
    [
      "is a folder",
      () => {
        rmSync(file);
        mkdirSync(file);
      },
      "not a regular file",
    ],
    ["is large", () => writeFileSync(file, " ".repeat(70_000)), "at most 64 KB"],
  ])("is not taken when it %s", (_name, spoil, why) => {
    manage({ keep_days: 30 });
    expect(readManagedFile(file)).toBe('{"keep_days":30}');
    spoil();
    expect(() => readManagedFile(file)).toThrow(why);
    expect(() => readManagedFile(file)).toThrow(
      expect.objectContaining({ code: "OXIMY_E_CONFIG", advice: expect.stringContaining("chown root:root") }),
    );
  });

  it("can be a hard link to what is root's alone", () => {
    manage({ keep_days: 30 });
    linkSync(file, join(folder, "other"));
    expect(readManagedFile(file)).toContain("keep_days");
  });

  it("need not be there, nor its folder", () => {
    expect(readManagedFile(file)).toBeUndefined();
    expect(readManagedFile(join(folder, "nowhere/config.json"))).toBeUndefined();
  });
});

/** Its own view of /etc, which ends with the process. */
const IN_OWN_ETC = `
mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work &&
mount -t overlay none -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc &&
umask 022 && mkdir -p /etc/oximy && printf %s "$1" > ${MANAGED_FILE} && chmod "$2" ${MANAGED_FILE} && shift 2 && exec "$@"`;

function withManaged(settings: string, mode: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const command = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    IN_OWN_ETC,
    "sh",
    settings,
    mode,
    process.execPath,
    MAIN,
    ...args,
  ];
  return runToEnd(command[0]!, command.slice(1), {
    env: { PATH: process.env.PATH, OXIMY_HOME: home, OXIMY_STATE_DIR: folder, ...env },
  });
}

describe.runIf(root && process.platform === "linux")("oximy with /etc/oximy/config.json", () => {
  test("says what is fixed and from where", async () => {
    use({ keep_days: 5, max_body: "1M" });
    const { stdout, stderr, code } = await withManaged('{"keep_days":30}', "0644", ["config"], {
      OXIMY_KEEP_DAYS: "7",
    });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^keep_days +30 +\/etc\/oximy\/config\.json \(fixed\)$/m);
    expect(stdout).toMatch(/^max_body +1048576 +.*home\/config\.json$/m);
    expect(code).toBe(0);
  });

  test("tells in one line that a flag does not count, and goes on", async () => {
    const { stdout, stderr } = await withManaged(
      JSON.stringify({ output_dir: join(folder, "fixed") }),
      "0644",
      ["events", "--output-dir", folder],
    );
    expect(stdout).toBe("");
    expect(stderr).toBe(
      `warn: --output-dir is ignored: ${MANAGED_FILE} fixes output_dir to "${join(folder, "fixed")}".\nNo events in ${join(folder, "fixed")} yet.\n`,
    );
  });

  test("ends with wrong usage when others may write to it, and says what to do", async () => {
    const { stderr, code } = await withManaged("{}", "0666", ["config"]);
    expect(stderr).toContain(
      `${MANAGED_FILE} fixes settings of this machine and is not used: others than root may write to it (mode 0666).`,
    );
    expect(stderr).toContain(`chmod 0644 ${MANAGED_FILE}`);
    expect(code).toBe(2);
  });

  test("says so when the one who runs it may not read it", async () => {
    const { stderr, code } = await withManaged("{}", "0600", ["config"], {
      SUDO_UID: String(NOBODY),
      SUDO_GID: String(NOBODY),
    });
    expect(stderr).toContain("cannot be read: EACCES");
    expect(stderr).toContain("chmod 0755 /etc/oximy && chmod 0644");
    expect(code).toBe(2);
  });
});
