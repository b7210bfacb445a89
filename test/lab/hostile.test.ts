import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { ServerProgram } from "../../lab/lab-server.js";
import { Random } from "../fuzz/mutations.js";
import { ECHO_SERVER } from "./echo-server.js";
import { mibOf } from "./memory.js";
import { LabOximy, PROJECT } from "./oximy.js";
import { requireLab } from "./require-lab.js";

/** OXIMY_HOSTILE_SEED=N sends again what a run with that seed sent. */
const SEED = Number(process.env.OXIMY_HOSTILE_SEED ?? 1);
const SECONDS = Number(process.env.OXIMY_HOSTILE_SECONDS ?? (process.env.OXIMY_FULL === "1" ? 600 : 10));
const CALM = "calm.example";
const HOSTILE = ["hostile.example", "expired.example", "self-signed.example", "wrong-name.example"] as const;
const KINDS = ["valid", "expired", "self_signed", "wrong_name"] as const;
const MOST_MIB = 300;
const OFFENDER = 23_701;
const OTHER = 23_702;

const HOSTILE_SERVER: ServerProgram<number, { readonly seed: number }> = {
  file: new URL("hostile/server.ts", import.meta.url),
};
const CLIENT = fileURLToPath(new URL("hostile/client.ts", import.meta.url));
const CALLS = join(PROJECT, "test/lab/clients/numbered-calls.mjs");

/** As published, and as somebody might make one who wants it to break what reads it. */
function writeHostileBundle(file: string, random: Random): void {
  const hosts = [CALM, ...HOSTILE];
  const deep = (depth: number): unknown => (depth === 0 ? "$..*" : { a: [deep(depth - 1)] });
  const noise = () => random.bytes(random.below(40)).toString("latin1");
  const bundle = {
    bundle_version: "1",
    domain_lookup: Object.fromEntries(hosts.map((host) => [host, "echo"])),
    providers: {
      echo: { name: "Echo", api_format: "openai" },
      [noise()]: { name: noise(), api_format: noise(), parsers: deep(10) },
      hostile: {
        name: "x".repeat(10_000),
        domains: ["*", "(a+)+$", "*.*", "", noise()],
        extraction: deep(20),
      },
    },
    domain_patterns: [
      { pattern: "(a+)+$", compiled_regex: "(a+)+$", provider: "echo" },
      { pattern: noise(), provider: noise() },
    ],
    parsers: { openai: { request: { model: "$..[?(@.constructor.constructor('return process')())]" } } },
  };
  writeFileSync(file, JSON.stringify(bundle));
}

describe.skipIf(requireLab())(`hostile servers and clients of one user (OXIMY_HOSTILE_SEED=${SEED})`, () => {
  let lab: Lab | undefined;
  let oximy: LabOximy | undefined;
  afterEach(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  it(`take no event of another user, nor memory, nor a process, for ${SECONDS} s`, {
    timeout: SECONDS * 1_000 + 240_000,
  }, async () => {
    console.log(`OXIMY_HOSTILE_SEED=${SEED}`);
    lab = await createLab();
    const { machine } = lab;
    await lab.addServerOf(ECHO_SERVER, { names: [CALM] });
    for (const [index, certificate] of KINDS.entries())
      await lab.addServerOf(HOSTILE_SERVER, { names: [HOSTILE[index]!], certificate, seed: SEED + index });
    const bundle = join(lab.dir, "bundle.json");
    writeHostileBundle(bundle, new Random(SEED));
    oximy = await LabOximy.start(lab, ["--trust", "always"], { OXIMY_BUNDLE_FILE: bundle });
    lab.trust(readFileSync(oximy.certificate, "utf8"));
    const processes = [oximy.process.pid, oximy.proxyPid, oximy.childPid("signer-process")];

    const tsx = ["--import", import.meta.resolve("tsx")];
    const offenders = [0, 1].map((index) =>
      machine.spawn("node", [...tsx, CLIENT, String(SEED + 100 + index), ...HOSTILE], {
        uid: OFFENDER,
        cwd: PROJECT,
      }),
    );
    await Promise.all(offenders.map((one) => one.printed(/begun/)));
    const env = { NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt" };
    const until = performance.now() + SECONDS * 1_000;
    let calls = 0;
    let most = 0;
    for (let round = 0; performance.now() < until; round++) {
      const [protocol, count] = round % 2 === 0 ? ["https", 20] : ["h2", 100];
      const args = [CALLS, CALM, `calm-${round}`, String(count), String(protocol)];
      const { stdout, stderr } = await machine.exec("node", args, { uid: OTHER, env, timeout: 60_000 });
      expect({ stdout, stderr }).toEqual({ stdout: `${count}\n`, stderr: "" });
      calls += Number(count);
      most = Math.max(most, mibOf(oximy.proxyPid, "VmRSS"));
      await pause(100);
    }
    for (const one of offenders) one.child.stdin.end();
    const made = (await Promise.all(offenders.map((one) => one.exited))).map(({ stdout, stderr }) => {
      expect(stderr).toBe("");
      return Number(/made (\d+)/.exec(stdout)![1]);
    });
    const peak = mibOf(oximy.proxyPid, "VmHWM");
    const calm = () => new Set(oximy!.events.filter(isCalm).map(contentOf));
    await expect.poll(() => calm().size, { timeout: 60_000, interval: 500 }).toBe(calls);
    const kinds = oximy.events
      .filter(isCalm)
      .map(({ trace_level, metadata }) => `${trace_level} ${metadata.error ?? ""}`);
    expect(new Set(kinds)).toEqual(new Set(["full "]));
    expect([oximy.process.pid, oximy.proxyPid, oximy.childPid("signer-process")]).toEqual(processes);
    expect(oximy.process.stderr).not.toMatch(/"level":(50|60)|uncaught|started anew|lost/);
    expect(peak).toBeLessThan(MOST_MIB);
    console.log(
      JSON.stringify({
        seconds: SECONDS,
        hostile: made,
        calls,
        events: oximy.events.length,
        mostRss: most,
        peak,
      }),
    );
  });
});

type Event = LabOximy["events"][number];

const isCalm = ({ metadata }: Event) => metadata.request_host === CALM;

/** Each call has a text of its own. */
const contentOf = ({ interaction }: Event) => JSON.stringify(interaction?.response?.content);
