import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  watch,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabProcess } from "../../lab/lab-process.js";
import { validateEvent } from "../event/schema.js";
import { temporaryFolder } from "../temporary-folder.js";
import { eventsIn } from "./first-contact.js";
import { PROJECT, spawnOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const client = (name: string) => fileURLToPath(new URL(`clients/${name}`, import.meta.url));
const NODE = ["node", client("tunnelled.mjs")];
const PYTHON = ["/usr/bin/python3", client("tunnelled.py")];
const ROOTS = "/etc/ssl/certs/ca-certificates.crt";
const URL_ASKED = "https://api.openai.com/v1/chat/completions";
const asking = (model: string) => [
  ...["-sS", URL_ASKED, "-H", "content-type: application/json"],
  ...["-d", JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] })],
];
const LONG = 120_000;

describe.skipIf(requireLab())("oximy run", { timeout: LONG }, () => {
  let lab: Lab;
  let home: string;
  /** Where the pipe is made. */
  let temporary: string;

  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: ["api.openai.com"] });
  }, LONG);
  beforeEach(() => {
    home = temporaryFolder();
    temporary = temporaryFolder();
  });
  afterAll(() => lab?.close());

  const start = (command: readonly string[], options: readonly string[] = []): LabProcess =>
    spawnOximy(lab, ["run", ...options, "--", ...command], {
      env: { OXIMY_HOME: home, TMPDIR: temporary, OXIMY_BUNDLE_FILE: join(PROJECT, "data/oisp-bundle.json") },
    });

  const run = async (command: readonly string[], options: readonly string[] = []) => {
    const running = start(command, options);
    const { code, stdout, stderr } = await running.exited;
    return { code, stdout, stderr, events: events() };
  };

  const events = () => eventsIn(join(home, "traces"));

  const vias = () => events().map((event) => [event.trace_level, event.metadata?.via]);

  /** Runs it that many times, one after the other, a fifth of a second apart. */
  const repeated = (times: number, command: readonly string[]) => [
    ...["sh", "-c", `for i in $(seq ${times}); do "$@" || exit; sleep 0.2; done`, "sh"],
    ...command,
  ];

  it.each([
    ["Node's https", [...NODE, "https", "gpt-4"]],
    ["Node's http2", [...NODE, "http2", "gpt-4"]],
    ["curl", ["curl", "--cacert", ROOTS, "--capath", "/nowhere", ...asking("gpt-4")]],
    ["Python's urllib", [...PYTHON, "default"]],
  ])("reads what %s sends, though it does not trust us", async (_name, command) => {
    const { code, stdout, stderr, events } = await run(command);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Hi there!");
    expect(vias()).toEqual([["full", "read"]]);
    for (const event of events) validateEvent(event);
    expect(events[0]).toMatchObject({ interaction: { response: { content: "Hi there!" } } });
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("intercepts with --no-read, and hands over no key log", async () => {
    const shown = await run(
      ["sh", "-c", 'echo "$SSLKEYLOGFILE$OXIMY_RUN_KEY_LOG-$NODE_OPTIONS-"'],
      ["--no-read"],
    );
    expect(shown.stdout).toMatch(/^---require=\S+\/scripts\/node-tunnel\.cjs-\n$/);
    await run(["curl", ...asking("gpt-4")], ["--no-read"]);
    expect(vias()).toEqual([["full", "intercept"]]);
  });

  it("intercepts a program that was taken for one that logs, once it twice did not", async () => {
    // That no secret comes is known a second after a connection has ended.
    // Without what is preloaded, nothing tells OpenSSL to.
    const { code, stdout } = await run(repeated(24, ["env", "-u", "LD_PRELOAD", ...PYTHON, "bare"]));
    expect({ code, stdout }).toEqual({ code: 0, stdout: "Hi there!\n".repeat(24) });
    const seen = vias();
    expect(seen).toContainEqual(["identifiable", "read"]);
    expect(seen.slice(-2)).toEqual(Array(2).fill(["full", "intercept"]));
  });

  it("reads a program that nobody knew and that may refuse the certificate, in case it logs", async () => {
    const folder = join(lab.dir, "app");
    mkdirSync(folder, { recursive: true });
    const unknown = join(folder, "agent");
    copyFileSync(realpathSync("/usr/bin/curl"), unknown);
    chmodSync(unknown, 0o755);
    const { code } = await run(repeated(2, [unknown, ...asking("gpt-4")]));
    expect(code).toBe(0);
    expect(vias()).toEqual([
      ["full", "read"],
      ["full", "read"],
    ]);
  });

  it("leaves a process that stays behind a pipe to open, and removes it when that has ended", async () => {
    const [go, done] = [join(home, "go"), join(home, "done")];
    const { code } = await run([...PYTHON, "orphan", go, done]);
    expect(code).toBe(0);
    expect(readdirSync(temporary)).toHaveLength(1);
    writeFileSync(go, "");
    await until(home, () => existsSync(done));
    expect(readFileSync(done, "utf8")).toBe("opened");
    await until(temporary, () => readdirSync(temporary).length === 0);
  });

  it("leaves nothing behind when it is killed", async () => {
    const running = start(["sh", "-c", "echo up; exec sleep 300"]);
    await running.printed(/up/);
    const children = () =>
      readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, "utf8").match(/\d+/g) ?? [];
    const sleeping = () =>
      children().find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("sleep"));
    // The shell says that it is up before it becomes another program.
    await expect.poll(sleeping, { timeout: 10_000 }).toBeDefined();
    const child = sleeping();
    running.kill("SIGKILL");
    await once(running.child, "exit");
    expect(readdirSync(temporary)).toHaveLength(1);
    process.kill(Number(child), "SIGKILL");
    await until(temporary, () => readdirSync(temporary).length === 0);
  });
});

/** Looks again whenever something in the folder changes. */
async function until(folder: string, isSo: () => boolean): Promise<void> {
  const watcher = watch(folder);
  try {
    while (!isSo()) await once(watcher, "change");
  } finally {
    watcher.close();
  }
}
