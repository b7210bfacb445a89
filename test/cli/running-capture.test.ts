import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, test, vi } from "vitest";
import { type RunningRow, runningLines } from "../../src/cli/apps.js";
import { captureOf, RunningCapture, type Sites } from "../../src/cli/running-capture.js";
import type { AppMatch } from "../../src/connection/client.js";
import { loadNative } from "../../src/native/native.js";
import type { ClientProgram } from "../../src/proxy/verdict/client.js";
import type { Forecast } from "../../src/proxy/verdict/forecast.js";
import { nameOfStack } from "../../src/secrets/stack-name.js";
import { whyNothingIsRead } from "../../src/supervisor/secret-agent.js";
import { defaultSettings } from "../../src/user/settings.js";
import { temporaryFolder } from "../temporary-folder.js";

const program: ClientProgram = {
  key: "key",
  name: "agent",
  trust: { kind: "distrusts", evidence: "our certificate is not in the file of NODE_EXTRA_CA_CERTS" },
  isWhole: true,
  trustInputs: "inputs",
  advice: "start it with NODE_EXTRA_CA_CERTS=/ca.pem",
};
const app: AppMatch = { id: "agent", name: "Agent", matchedBy: "executable" };
const off: Sites = { kind: "off", reason: "--no-read" };
const seen = (reason: Extract<Forecast, { kind: "seen_only" }>["reason"]): Forecast => ({
  kind: "seen_only",
  reason,
});

test.each<[string, Sites, Forecast, ClientProgram | undefined, ReturnType<typeof captureOf>]>([
  [
    "one whose secrets can be copied",
    { kind: "known", stacks: ["OpenSSL in /lib/libssl.so.3", "GnuTLS in /lib/libgnutls.so.30"] },
    { kind: "read" },
    program,
    { how: "read", why: "the secrets of OpenSSL in /lib/libssl.so.3 and GnuTLS in /lib/libgnutls.so.30" },
  ],
  [
    "one that is still searched",
    { kind: "searching" },
    { kind: "read" },
    program,
    { how: "unknown", why: "its files are still being searched" },
  ],
  [
    "one that trusts us",
    off,
    { kind: "intercept", trial: false },
    { ...program, trust: { kind: "trusts", evidence: "our certificate is in the system's store" } },
    { how: "intercept", why: "our certificate is in the system's store" },
  ],
  [
    "one that may trust us",
    off,
    { kind: "intercept", trial: true },
    { ...program, trust: { kind: "unknown", evidence: "it cannot be told what is in its file" } },
    { how: "tried_once", why: "it cannot be told what is in its file" },
  ],
  [
    "one that has no known stack and does not trust us",
    { kind: "none", reason: "no TLS stack that is known" },
    seen("runtime_does_not_trust"),
    program,
    {
      how: "seen_only",
      why: "not read: no TLS stack that is known; our certificate is not in the file of NODE_EXTRA_CA_CERTS",
      advice: "start it with NODE_EXTRA_CA_CERTS=/ca.pem",
    },
  ],
  [
    "one that refused",
    off,
    seen("client_refused_before"),
    program,
    {
      how: "seen_only",
      why: "The program rejected Oximy's certificate on an earlier connection (our certificate is not in the file of NODE_EXTRA_CA_CERTS)",
      advice: "start it with NODE_EXTRA_CA_CERTS=/ca.pem",
    },
  ],
  [
    "one that nothing is known of",
    off,
    seen("client_unknown"),
    undefined,
    {
      how: "seen_only",
      why: "The process that owns the connection is unknown, and unknown programs are not intercepted",
    },
  ],
  [
    "one that root alone could tell of",
    { kind: "not_checked" },
    seen("runtime_does_not_trust"),
    program,
    {
      how: "unknown",
      why: "read if its TLS stack is known, which only root can check; else only seen: our certificate is not in the file of NODE_EXTRA_CA_CERTS",
      advice: "run: sudo oximy apps",
    },
  ],
])("what is said of %s", (_, sites, expected, of, capture) => {
  expect(captureOf(sites, expected, of)).toEqual(capture);
});

test("processes of which the same is to be said share their lines", () => {
  const row = (pid: number, how: "read" | "seen_only"): RunningRow => ({
    pid,
    path: "/opt/agent",
    user: "ana",
    matched_by: "application_id",
    capture: how === "read" ? { how, why: "NSS" } : { how, why: "it pins", advice: "nothing" },
  });
  expect(runningLines([row(1, "read"), row(2, "seen_only"), row(3, "read")])).toEqual([
    "runs as 1, 3 /opt/agent (by application id)",
    "  read: NSS",
    "runs as 2 /opt/agent (by application id)",
    "  seen only: it pins",
    "  → nothing",
  ]);
});

test.each([
  [
    "8:1 7 /usr/lib/x86_64-linux-gnu/libssl.so.3",
    "keylog",
    "OpenSSL in /usr/lib/x86_64-linux-gnu/libssl.so.3",
  ],
  ["8:1 7 /usr/lib/libgnutls.so.30", "keylog", "GnuTLS in /usr/lib/libgnutls.so.30"],
  ["8:1 7 /opt/An App/node", "keylog", "OpenSSL or BoringSSL in /opt/An App/node"],
  ["8:1 7 /opt/crush", "go", "Go's crypto/tls in /opt/crush"],
  ["8:1 7 /opt/codex", "rustls_will_log", "rustls in /opt/codex"],
  ["8:1 7 /usr/lib/libfreeblpriv3.so", "nss_hmac_init", "NSS in /usr/lib/libfreeblpriv3.so"],
] as const)("the stack of %s with a site of %s is %s", (key, kind, name) => {
  expect(nameOfStack(key, [{ kind, offset: 1 }])).toBe(name);
});

describe("a running program", () => {
  const native = loadNative();
  const linux = native.implementation === "linux";
  let capture: RunningCapture | undefined;
  afterEach(() => capture?.close());

  // Whether this machine has a certificate of Oximy's is another matter.
  beforeEach(() => void vi.stubEnv("OXIMY_STATE_DIR", temporaryFolder()));
  afterEach(() => void vi.unstubAllEnvs());

  /** A Node that has come as far as its script. */
  const startNode = async () => {
    const child = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1000)"], { env: {} });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout, "data");
    const info = native.processInfo(child.pid!)!;
    return { ...info, path: info.path! };
  };
  const settings = (more = {}) => ({ ...defaultSettings(temporaryFolder()), ...more });

  const unread = process.getuid?.() !== 0 || whyNothingIsRead(native) !== null;
  it.skipIf(unread)("is read by the stack that root finds in it", async () => {
    capture = new RunningCapture({ native, settings: settings() });
    const node = await startNode();
    expect(await capture.of(node, app)).toEqual({
      how: "read",
      why: `the secrets of OpenSSL or BoringSSL in ${node.path}`,
    });
  });

  it.skipIf(!linux)(
    "is only seen with --no-read where there is no certificate, with what to set",
    async () => {
      capture = new RunningCapture({ native, settings: settings({ read: false }) });
      expect(await capture.of(await startNode(), app)).toMatchObject({
        how: "seen_only",
        why: expect.stringContaining("Oximy has no certificate yet"),
        advice: expect.stringContaining("NODE_EXTRA_CA_CERTS="),
      });
    },
  );

  it.skipIf(!linux)("is said to be read perhaps, by who is not root", async () => {
    capture = new RunningCapture({ native, settings: settings(), isRoot: false });
    expect(await capture.of(await startNode(), app)).toMatchObject({
      how: "unknown",
      why: expect.stringMatching(
        /^read if its TLS stack is known, which only root can check; else only seen/,
      ),
    });
  });

  it("that has ended is not searched", async () => {
    const finder = {
      sitesOf: () => ({ kind: "none", reason: "the process has ended" }) as const,
      close() {},
    };
    capture = new RunningCapture({ native, settings: settings({ read: false }), finder });
    expect((await capture.of({ pid: 2 ** 22 + 1, startTime: 1, path: "/gone" }, app)).how).toBe("seen_only");
  });
});
