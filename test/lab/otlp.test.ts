import { chmodSync, copyFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { CALLER, LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const COLLECTOR = "https://api.openai.com";

/**
 * The collector has a name that the bundle knows, which no other can: were its connections redirected, each request to
 * it would be captured, and would make another.
 */
describe.skipIf(requireLab())("oximy local --otlp", () => {
  let lab: Lab;
  let oximy: LabOximy;

  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: ["api.openai.com"] });
    const root = join(lab.dir, "collector.pem");
    writeFileSync(root, lab.authority.cert, { mode: 0o644 });
    oximy = await LabOximy.start(lab, ["--otlp", COLLECTOR], { OTEL_EXPORTER_OTLP_CERTIFICATE: root });
  });
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  async function chat(total: number): Promise<void> {
    const trusted = join(lab.dir, "oximy-ca.pem");
    copyFileSync(oximy.certificate, trusted);
    chmodSync(trusted, 0o644);
    const body = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "Hello" }] });
    const json = ["-H", "content-type: application/json", "-d", body];
    const result = await lab.machine.exec("curl", ["-sS", ...json, `${COLLECTOR}/v1/chat/completions`], {
      env: { CURL_CA_BUNDLE: trusted },
    });
    expect(result).toMatchObject({ code: 0 });
    await oximy.captured(total);
  }

  it("tells the collector, and does not capture that it does", { timeout: 60_000 }, async () => {
    await chat(1);
    // The server speaks as a provider does, and has no such path: it was reached, and has refused.
    await oximy.logged(/otlp: The collector rejects \w+: it answered 40\d/);
    await chat(2);
    const { stderr } = await oximy.stop();
    expect(oximy.events.map(({ metadata }) => metadata.request_path)).toEqual([
      "/v1/chat/completions",
      "/v1/chat/completions",
    ]);
    expect(stderr).not.toContain("cannot be reached");
  });

  it("remembers how far it has got in a folder of the caller's", () => {
    const { uid, mode } = statSync(join(oximy.home, "otlp"));
    expect([uid, mode & 0o777]).toEqual([CALLER.uid, 0o700]);
  });
});
