import { describe, expect, it, test } from "vitest";
import { adviceFor, adviceForPath } from "../../src/trust/advice.js";
import { inCommon } from "../../src/trust/browser-stores.js";
import { PINNING_APPS, pinningApp } from "../../src/trust/pinning.js";
import { type Holding, type ProgramFacts, predict, type StoreFacts } from "../../src/trust/predict.js";
import { programKey } from "../../src/trust/program.js";
import { RUNTIMES, runtimeOf } from "../../src/trust/runtime.js";
import { StartTimes } from "../../src/trust/start-time.js";
import { relevantVariables, trustOptions } from "../../src/trust/trust-variables.js";

const STARTED = 1_000_000;
const ours: Holding = { kind: "ours", since: STARTED - 5000 };
const late: Holding = { kind: "ours", since: STARTED + 5000 };
const other: Holding = { kind: "other" };
const absent: Holding = { kind: "absent" };
const dark: Holding = { kind: "unknown" };

const NOWHERE: StoreFacts = { bundle: other, folder: other, java: other, chromium: absent, firefox: absent };
const SYSTEM: StoreFacts = { ...NOWHERE, bundle: ours, folder: ours };
const NONE = { opensslStore: false, systemStore: "no", verifiesNothing: false } as const;

const facts = (runtime: ProgramFacts["runtime"], more: Partial<ProgramFacts> = {}): ProgramFacts => ({
  runtime,
  startedAt: STARTED,
  environmentIsKnown: true,
  options: NONE,
  named: {},
  ...more,
});

describe("prediction", () => {
  it.each<[string, ProgramFacts, StoreFacts, string]>([
    ["a store that got it before the start", facts("go"), SYSTEM, "trusts"],
    [
      "a store that got it after the start",
      facts("go"),
      { ...SYSTEM, bundle: late, folder: late },
      "unknown",
    ],
    [
      "a store that got it in the moment of the start",
      facts("go"),
      { ...NOWHERE, bundle: { kind: "ours", since: STARTED - 10 } },
      "unknown",
    ],
    ["a store that cannot be read", facts("go"), { ...NOWHERE, bundle: dark }, "unknown"],
    [
      "a store that cannot be read beside one that has it",
      facts("go"),
      { ...SYSTEM, folder: dark },
      "trusts",
    ],
    [
      "a file that cannot be read",
      facts("node", { named: { NODE_EXTRA_CA_CERTS: dark } }),
      SYSTEM,
      "unknown",
    ],
    [
      "a file that is not there",
      facts("node", { named: { NODE_EXTRA_CA_CERTS: absent } }),
      SYSTEM,
      "distrusts",
    ],
    ["no environment", facts("curl", { environmentIsKnown: false }), SYSTEM, "unknown"],
    [
      "nothing is verified",
      facts("node", { options: { ...NONE, verifiesNothing: true } }),
      NOWHERE,
      "trusts",
    ],
    ["a pinned app, whatever it trusts", facts("curl", { pinned: { name: "X" } }), SYSTEM, "distrusts"],
    [
      "a Node that may know the variable",
      facts("node", { options: { ...NONE, systemStore: "variable" } }),
      SYSTEM,
      "unknown",
    ],
    [
      "the same where the store has nothing",
      facts("node", { options: { ...NONE, systemStore: "variable" } }),
      NOWHERE,
      "distrusts",
    ],
    [
      "Electron whose window and whose extensions trust",
      facts("electron", { named: { NODE_EXTRA_CA_CERTS: ours } }),
      { ...NOWHERE, chromium: ours },
      "trusts",
    ],
    [
      "Electron of which only the window trusts",
      facts("electron"),
      { ...NOWHERE, chromium: ours },
      "unknown",
    ],
    ["Electron of which nothing trusts", facts("electron"), SYSTEM, "distrusts"],
    ["an unknown program and a store that has it", facts("unknown"), SYSTEM, "unknown"],
    ["an unknown program and nothing that has it", facts("unknown"), NOWHERE, "distrusts"],
    ["libssl in any program", facts("openssl"), SYSTEM, "unknown"],
    ["Java with a file of its own", facts("java", { javaStore: ours }), NOWHERE, "trusts"],
    [
      "Java with a file that may be encrypted",
      facts("java", { javaStore: dark }),
      { ...NOWHERE, java: ours },
      "unknown",
    ],
    [".NET, which was not measured", facts("dotnet"), SYSTEM, "unknown"],
  ])("of %s", (_, program, stores, expected) => {
    const { kind, evidence } = predict(program, stores);
    expect([kind, evidence]).toEqual([expected, expect.stringMatching(/^\S.*[^.]$/)]);
  });

  it("of a browser with several profiles is what all of them say", () => {
    const at = (since: number): Holding => ({ kind: "ours", since });
    expect(inCommon([])).toEqual(absent);
    expect(inCommon([at(1), at(2)])).toEqual(at(2));
    expect(inCommon([at(1), other])).toEqual(dark);
    expect(inCommon([other, other])).toEqual(other);
    expect(inCommon([other, dark])).toEqual(dark);
  });
});

describe("a runtime is told", () => {
  const none = { sections: new Set<string>(), beside: new Set<string>(), mapped: [] };
  it.each<[string, Partial<Parameters<typeof runtimeOf>[0]> & { path: string }, string]>([
    ["by name", { path: "/usr/bin/python3.11" }, "python"],
    [
      "by Bun's section, whatever it is called",
      { path: "/x/claude/versions/2.1.0", sections: new Set([".bun"]) },
      "bun",
    ],
    ["by Go's table", { path: "/usr/bin/gh", sections: new Set([".gopclntab"]) }, "go"],
    [
      "by the virtual machine",
      { path: "/opt/ide/bin/ide", mapped: ["/opt/ide/jbr/lib/server/libjvm.so"] },
      "java",
    ],
    [
      "as Electron by its resources",
      { path: "/opt/cursor/cursor", beside: new Set(["icudtl.dat", "resources.pak", "resources"]) },
      "electron",
    ],
    [
      "as Chromium by its files",
      { path: "/opt/comet/x", beside: new Set(["icudtl.dat", "resources.pak"]) },
      "chromium",
    ],
    [
      "as Firefox by its library",
      { path: "/opt/f/zenith", mapped: ["/opt/f/libxul.so", "/opt/f/libssl3.so"] },
      "firefox",
    ],
    [
      "as Python before its libssl",
      { path: "/opt/a/tool", mapped: ["/l/libssl.so.3", "/l/libpython3.11.so.1.0"] },
      "python",
    ],
    ["by libssl alone", { path: "/opt/a/tool", mapped: ["/l/libssl.so.3"] }, "openssl"],
    ["not at all", { path: "/opt/a/tool" }, "unknown"],
  ])("%s", (_, marks, expected) => {
    expect(runtimeOf({ ...none, ...marks })).toBe(expected);
  });
});

describe("options", () => {
  test.each<[Parameters<typeof trustOptions>, object]>([
    [["node", ["node", "--use-system-ca", "a.js"], {}], { systemStore: "yes" }],
    [["node", ["node", "a.js", "--use-system-ca"], {}], { systemStore: "no" }],
    [
      ["node", ["node", "a.js"], { NODE_OPTIONS: "--max-http-header-size=9  --use-openssl-ca" }],
      { opensslStore: true },
    ],
    [["node", ["node"], { NODE_USE_SYSTEM_CA: "1" }], { systemStore: "variable" }],
    [["node", ["node"], { NODE_USE_SYSTEM_CA: "0" }], { systemStore: "no" }],
    [["curl", ["curl", "-sk", "u"], {}], { verifiesNothing: true }],
    [["git", ["git"], { GIT_SSL_NO_VERIFY: "1" }], { verifiesNothing: true }],
    [["deno", ["deno"], { DENO_TLS_CA_STORE: "mozilla, system" }], { systemStore: "yes" }],
    [["java", ["java", "-Djavax.net.ssl.trustStore=/a", "X"], {}], { javaStore: "/a" }],
    [["firefox", ["firefox", "--profile", "/p"], {}], { profile: "/p" }],
  ])("%j", (args, expected) => {
    expect(trustOptions(...args)).toMatchObject(expected);
  });
});

describe("a program", () => {
  const parts = { uid: 1, executable: "1:2", script: "/a.js", environment: { A: "1", B: "2" } };
  it("is the same whatever the order of its variables", () => {
    expect(programKey(parts)).toBe(programKey({ ...parts, environment: { B: "2", A: "1" } }));
    expect(programKey(parts)).toMatch(/^[0-9a-f]{64}$/);
  });
  it.each([
    ["user", { uid: 2 }],
    ["executable", { executable: "1:3" }],
    ["script", { script: "/b.js" }],
    ["variable", { environment: { A: "1", B: "3" } }],
  ])("is another with another %s", (_, other) => {
    expect(programKey({ ...parts, ...other })).not.toBe(programKey(parts));
  });
  it("has its home as a part only where that counts", () => {
    const environment = { HOME: "/h", SSL_CERT_FILE: "/f" };
    expect(relevantVariables("curl", environment)).toEqual({ SSL_CERT_FILE: "/f" });
    expect(relevantVariables("chromium", environment)).toEqual(environment);
  });
});

it("every runtime has one line of advice", () => {
  for (const runtime of RUNTIMES) expect(adviceFor(runtime, "/ca.pem")).toMatch(/^(start|run).*[^.]$/);
  expect(adviceForPath("/usr/bin/node", "/ca.pem")).toBe("start it with NODE_EXTRA_CA_CERTS=/ca.pem");
});

it("every app that pins has a source and a date", () => {
  for (const { source, date } of PINNING_APPS) {
    expect(source).toMatch(/^https:\/\//);
    expect(date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  }
  expect(pinningApp("chatgpt", "darwin")).toBeDefined();
  expect(pinningApp("chatgpt", "linux")).toBeUndefined();
  expect(pinningApp(undefined)).toBeUndefined();
});

it("the moment of a start is counted from the system's boot, on macOS it is told", () => {
  const times = new StartTimes("linux", () => 100);
  expect(times.epochMs(6000) - (Date.now() - 40_000)).toBeLessThan(1000);
  expect(new StartTimes("darwin").epochMs(1_700_000_000_000_000)).toBe(1_700_000_000_000);
});
