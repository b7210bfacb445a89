import { readdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

/** In this time, after whatever end, the network is as it was. */
const WITHIN_MS = 1_000;

describe.skipIf(requireLab())("the end of oximy local", () => {
  let lab: Lab;
  let oximy: LabOximy | undefined;

  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: ["api.openai.com"], eventInterval: 400 });
  });
  afterEach(async () => {
    await oximy?.stop();
    oximy = undefined;
  });
  afterAll(() => lab?.close());

  /** Fingerprint of the issuer tells who answered: the server itself, or us. */
  const whoAnswers = async () => {
    const { stdout, stderr } = await lab.machine.exec("curl", [
      "-sSkv",
      "-m",
      "3",
      "https://api.openai.com/v1/models",
    ]);
    return /issuer:.*Oximy CA/.test(stderr + stdout) ? "oximy" : /issuer:/.test(stderr) ? "server" : stderr;
  };
  const redirectStatus = async () => {
    const { stdout } = await lab.machine.exec("nft", ["list", "tables"]);
    return /table inet oximy$/m.test(stdout) ? "installed" : "gone";
  };
  /** A client in the middle of a stream: `ended` resolves with curl's own end. */
  const openStream = async (certificate: string) => {
    const body = JSON.stringify({
      model: "gpt-4",
      stream: true,
      messages: [{ role: "user", content: "Hello" }],
    });
    const running = lab.machine.spawn("curl", [
      ...["-sSN", "--cacert", certificate, "-m", "30"],
      ...["-H", "content-type: application/json", "-d", body],
      "https://api.openai.com/v1/chat/completions",
    ]);
    await running.printed(/data: /);
    return running;
  };

  const ends: ReadonlyArray<readonly [string, (oximy: LabOximy) => void]> = [
    ["SIGINT to the supervisor", (it) => it.process.kill("SIGINT")],
    ["SIGTERM to the supervisor", (it) => it.process.kill("SIGTERM")],
    ["SIGKILL to the supervisor", (it) => it.process.kill("SIGKILL")],
    ["SIGINT to the proxy", (it) => process.kill(it.proxyPid, "SIGINT")],
    ["SIGTERM to the proxy", (it) => process.kill(it.proxyPid, "SIGTERM")],
    ["SIGKILL to the proxy", (it) => process.kill(it.proxyPid, "SIGKILL")],
    [
      "SIGKILL to both",
      (it) => {
        const proxy = it.proxyPid;
        it.process.kill("SIGKILL");
        process.kill(proxy, "SIGKILL");
      },
    ],
  ];

  for (const backend of ["nft", "iptables"]) {
    it.each(ends)(`leaves the network as it was within a second (${backend}): %s`, async (_name, end) => {
      oximy = await LabOximy.start(lab, ["--redirect", backend]);
      const proxyPid = oximy.proxyPid;
      expect(await whoAnswers()).toBe("oximy");
      const stream = await openStream(oximy.certificate);
      const started = performance.now();
      end(oximy);
      // A connection that is opened in the very moment may be cut; one opened a little later must work.
      await expect.poll(whoAnswers, { timeout: WITHIN_MS, interval: 50 }).toBe("server");
      expect(performance.now() - started).toBeLessThan(WITHIN_MS + 500);
      await expect.poll(redirectStatus, { timeout: WITHIN_MS, interval: 50 }).toBe("gone");
      const jumps = await lab.machine.exec("iptables-save", ["-t", "nat"]);
      expect(jumps.stdout).not.toMatch(/-A OUTPUT .*OXIMY/i);
      // The open stream gets an end: whole when we could wait for it, cut when we were killed, never a hang.
      const { code } = await stream.exited;
      expect([0, 18, 35, 52, 55, 56, 92]).toContain(code);
      await oximy.process.exited;
      await expect
        .poll(() => readdirSync("/proc").includes(String(proxyPid)), { timeout: 4_000 })
        .toBe(false);
    });
  }

  it("says 130 after Ctrl-C and 0 after SIGTERM", async () => {
    oximy = await LabOximy.start(lab);
    oximy.process.kill("SIGINT");
    expect((await oximy.process.exited).code).toBe(130);
    oximy = await LabOximy.start(lab);
    oximy.process.kill("SIGTERM");
    expect((await oximy.process.exited).code).toBe(0);
  });

  it("tells why it ended when its proxy was killed", async () => {
    oximy = await LabOximy.start(lab);
    process.kill(oximy.proxyPid, "SIGKILL");
    const { code, stderr } = await oximy.process.exited;
    expect(code).toBe(1);
    expect(stderr).toContain("OXIMY_E_PROXY_DIED");
  });

  it("takes the redirect out while its proxy does not answer, and puts it back", async () => {
    oximy = await LabOximy.start(lab);
    process.kill(oximy.proxyPid, "SIGSTOP");
    await oximy.logged(/does not answer/);
    await expect.poll(whoAnswers, { timeout: 3_000 }).toBe("server");
    process.kill(oximy.proxyPid, "SIGCONT");
    await oximy.logged(/answers again/);
    expect(await whoAnswers()).toBe("oximy");
  });

  // The second waits for the first to go, should it be about to.
  it("refuses to start twice on one machine, and the first goes on", { timeout: 60_000 }, async () => {
    oximy = await LabOximy.start(lab);
    await expect(LabOximy.start(lab)).rejects.toThrow(/OXIMY_E_/);
    expect(await whoAnswers()).toBe("oximy");
  });
});
