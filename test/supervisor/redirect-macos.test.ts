import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { MacRedirect } from "../../src/supervisor/redirect-macos.js";
import { temporaryFolder } from "../temporary-folder.js";

const OPTIONS = { listenerPort: 4711, ports: [443], localPorts: [], allowQuic: false };

/** A redirect held by a script of these lines instead of ours. */
async function held(lines: string, onLost: (reason: string) => void = () => {}, orderMs?: number) {
  const path = join(temporaryFolder(), "script.sh");
  writeFileSync(path, lines);
  const redirect = await MacRedirect.install(OPTIONS, onLost, path, orderMs);
  onTestFinished(() => redirect.remove());
  return redirect;
}

const ANSWERING = (answer: string) =>
  `echo ready; while read -r order; do case $order in check) ${answer} ;; *) echo "ok $order" ;; esac; done`;

describe("the redirect of macOS", () => {
  it.each([
    ["ok en0 en0", { kind: "ok" }],
    ["renewed utun3 -", { kind: "renewed", ways: "utun3 -" }],
    ["lost pf is off", { kind: "lost", why: "pf is off" }],
    ["withdrawn", { kind: "withdrawn" }],
  ])("reads the script's answer: %s", async (answer, state) => {
    expect(await (await held(ANSWERING(`echo "${answer}"`))).check()).toEqual(state);
  });

  it("gives orders that overlap their own answers", async () => {
    const redirect = await held(ANSWERING("echo lost first"));
    const answers = await Promise.all([redirect.check(), redirect.restore(), redirect.check()]);
    expect(answers).toEqual([{ kind: "lost", why: "first" }, undefined, { kind: "lost", why: "first" }]);
  });

  it("tells of a script that ends, with its last words, and answers what was asked", async () => {
    let tell: (reason: string) => void = () => {};
    const lost = new Promise<string>((resolve) => {
      tell = resolve;
    });
    const redirect = await held(ANSWERING("echo 'oximy-redirect: killed' >&2; exit 1"), (reason) =>
      tell(reason),
    );
    expect(await redirect.check()).toMatchObject({ kind: "lost" });
    expect(await lost).toBe("killed");
    expect(await redirect.check()).toMatchObject({ kind: "lost" });
  });

  it("does not wait for a script that hangs", async () => {
    let tell: (reason: string) => void = () => {};
    const lost = new Promise<string>((resolve) => {
      tell = resolve;
    });
    const redirect = await held(ANSWERING("while :; do sleep 0.01; done"), (reason) => tell(reason), 50);
    await redirect.withdraw().then(() => redirect.check());
    expect(await lost).toBe("the script that holds it ended");
  });

  it("is silent about a script that ends because it was asked to", async () => {
    const told: string[] = [];
    const redirect = await held(ANSWERING("echo ok"), (reason) => told.push(reason));
    await redirect.remove();
    await redirect.remove();
    expect(told).toEqual([]);
  });

  it.each([
    ["echo 'oximy-redirect: rules: need root' >&2; exit 3", "OXIMY_E_PRIVILEGE", /rules: need root/],
    ["echo 'oximy-redirect: pf would not' >&2; exit 4", "OXIMY_E_TOOL_MISSING", /pf would not/],
    ["exit 1", "OXIMY_E_REDIRECT", /ended with 1/],
  ])("says why it could not be installed: %s", async (lines, code, message) => {
    await expect(held(lines)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it("names no firewall of Linux in its advice", async () => {
    const error = (await held("exit 4").catch((reason: unknown) => reason)) as { advice: string };
    expect(error.advice).not.toMatch(/nft|iptables|apt/);
  });

  it("cannot be restored when pf does not take the rules", async () => {
    const redirect = await held(`echo ready; while read -r order; do echo "lost $order"; done`);
    await expect(redirect.restore()).rejects.toMatchObject({ code: "OXIMY_E_REDIRECT" });
  });
});
