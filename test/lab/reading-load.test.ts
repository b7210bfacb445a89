import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { ECHO, EchoLab } from "./echo-lab.js";
import { requireLab } from "./require-lab.js";

/** Sizes that fit a test run; with OXIMY_FULL=1 those that a release is measured with. */
const FULL = process.env.OXIMY_FULL === "1";
const MIB = 1 << 20;
const LONG = FULL ? 1_800_000 : 120_000;
const SIZE = (FULL ? 1024 : 48) * MIB;
const EVENTS = FULL ? 100_000 : 10_000;
const [PROCESSES, CALLS_EACH] = FULL ? [50, 200] : [6, 20];

const CHAT = `https://${ECHO}/v1/chat/completions`;
const JSON_TYPE = ["-H", "content-type: application/json"];
const sha256 = (content: string | Buffer) => createHash("sha256").update(content).digest("hex");
const said = (event: OximyEvent) => event.interaction?.request?.messages?.at(-1)?.content;
const answered = (event: OximyEvent) => event.interaction?.response?.content;

describe.skipIf(requireLab())("what is read under load", { timeout: LONG }, () => {
  let echo: EchoLab;
  let seen = 0;
  beforeAll(async () => {
    echo = await EchoLab.startReading(["--max-body", "64M"]);
    // A program's first connection may wait for its probe; what is asked here begins after it.
    for (const command of ["curl", "node", "/usr/bin/python3"]) await callOnce(command);
    seen = (await echo.oximy.captured(3)).length;
  });
  afterAll(() => echo?.close());

  const run = (command: string, ...args: string[]) => echo.run("through", command, args, { timeout: LONG });
  const callOnce = (command: string) =>
    command === "curl"
      ? run("curl", "-sS", "-o", "/dev/null", `https://${ECHO}/a`)
      : run(command, ...callsOf(command), ECHO, "first", "1", "https");
  const callsOf = (command: string) => [
    `test/lab/clients/${command === "node" ? "numbered-calls.mjs" : "numbered_calls.py"}`,
  ];

  /** The next events; each was read, and nothing of any was lost. */
  async function captured(total: number): Promise<OximyEvent[]> {
    const after = () => echo.oximy.events.slice(seen);
    await expect
      .poll(() => after().length, { timeout: LONG / 2, interval: 500 })
      .toBeGreaterThanOrEqual(total);
    const events = after();
    seen += events.length;
    const odd = events.filter(({ metadata }) => metadata.via !== "read" || metadata.error);
    expect(odd.map(({ metadata }) => metadata)).toEqual([]);
    expect(events).toHaveLength(total);
    return events;
  }

  it(`has every byte of a download of ${SIZE / MIB} MiB`, async () => {
    const { stdout } = await run(
      "curl",
      "-sS",
      `https://${ECHO}/download/${SIZE}`,
      "-o",
      "/dev/null",
      "-w",
      "%{size_download}",
    );
    expect(stdout).toBe(String(SIZE));
    const [event] = await captured(1);
    expect(event!.metadata.content_length).toBe(SIZE);
  });

  it(`has every byte of an upload of ${SIZE / MIB} MiB`, async () => {
    const upload = `head -c ${SIZE} /dev/zero | curl -sS -T - -X POST https://${ECHO}/upload/0`;
    const { stdout } = await run("sh", "-c", upload);
    expect(JSON.parse(stdout)).toMatchObject({ bytes: SIZE });
    const [event] = await captured(1);
    expect(event!.metadata.request_length).toBe(SIZE);
  });

  it(`has ${EVENTS} events of a stream, as the client had them`, async () => {
    const body = { model: "gpt-4", stream: true, n: EVENTS, messages: [{ role: "user", content: "event" }] };
    const { stdout } = await run("curl", "-sS", ...JSON_TYPE, "-d", JSON.stringify(body), CHAT);
    const texts = stdout.split("\n").flatMap((line) => {
      if (!line.startsWith("data: {")) return [];
      return (
        (JSON.parse(line.slice(6)) as { choices: [{ delta: { content?: string } }] }).choices[0].delta
          .content ?? []
      );
    });
    expect(texts).toHaveLength(EVENTS);
    const [event] = await captured(1);
    expect(sha256(String(answered(event!)))).toBe(sha256(texts.join("")));
  });

  it(`has ${PROCESSES * CALLS_EACH} short connections of ${PROCESSES} processes, none mixed up`, async () => {
    const clients = Array.from({ length: PROCESSES }, (_, i) => {
      const command = i % 2 ? "node" : "/usr/bin/python3";
      return run(command, ...callsOf(command), ECHO, `client ${i}`, String(CALLS_EACH), "https");
    });
    const outcomes = await Promise.all(clients);
    expect(outcomes.map(({ stdout, stderr }) => [stdout.trim(), stderr])).toEqual(
      outcomes.map(() => [String(CALLS_EACH), ""]),
    );
    const events = await captured(PROCESSES * CALLS_EACH);
    expect(events.filter((event) => said(event) === undefined || said(event) !== answered(event))).toEqual(
      [],
    );
    const expected = outcomes.flatMap((_, i) =>
      Array.from({ length: CALLS_EACH }, (_, j) => `client ${i} says ${j}`),
    );
    expect(events.map(said).sort()).toEqual(expected.sort());
    // Each client's calls are those of one process.
    const pids = new Set(
      events.map((event) => `${String(said(event)).split(" says ")[0]} is ${event.client.pid}`),
    );
    expect(pids.size).toBe(PROCESSES);
  });

  it("has 1,000 calls of HTTP/2, 100 streams at a time, none mixed up", async () => {
    const { stdout, stderr } = await run(
      "node",
      "test/lab/clients/numbered-calls.mjs",
      ECHO,
      "h2",
      "1000",
      "h2",
    );
    expect({ stdout, stderr }).toEqual({ stdout: "1000\n", stderr: "" });
    const events = await captured(1000);
    expect(events.filter((event) => said(event) !== answered(event))).toEqual([]);
    expect(new Set(events.map(said)).size).toBe(1000);
  });
});

describe.skipIf(requireLab())(
  "traffic that is read, when a process of ours is killed in the midst of it",
  () => {
    let echo: EchoLab | undefined;
    afterEach(() => echo?.close());

    it.each([
      ["the supervisor", (it: EchoLab) => [it.oximy.process.pid]],
      ["the proxy", (it: EchoLab) => [it.oximy.proxyPid]],
      ["both", (it: EchoLab) => [it.oximy.proxyPid, it.oximy.process.pid]],
    ] as const)("goes on: %s", { timeout: LONG }, async (_name, pidsOf) => {
      echo = await EchoLab.startReading();
      const loop = `for i in $(seq 1000); do curl -sS -m 5 -o /dev/null -w '%{http_code}\\n' https://${ECHO}/a || echo failed; done`;
      const calls = echo.lab.machine.spawn("sh", ["-c", loop]);
      await calls.printed(/(200\n){20}/);
      for (const pid of pidsOf(echo)) process.kill(pid, "SIGKILL");
      const printedThen = calls.stdout.length;
      await expect.poll(() => calls.stdout.length - printedThen, { timeout: LONG }).toBeGreaterThan(4 * 100);
      calls.kill("SIGKILL");
      // A connection that is open at the moment may be cut, and those that are opened until the redirect is gone.
      const outcomes = calls.stdout.trim().split("\n");
      expect(outcomes.slice(-50)).toEqual(Array.from({ length: 50 }, () => "200"));
      expect(outcomes.filter((outcome) => !/^(200|000|failed)$/.test(outcome))).toEqual([]);
    });
  },
);
