import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabProcess } from "../../lab/lab-process.js";
import { CREDENTIALS } from "../credentials.js";
import { validateEvent } from "../event/schema.js";
import { temporaryFolder } from "../temporary-folder.js";
import { PROJECT, spawnOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

describe.skipIf(requireLab())("oximy proxy", () => {
  let lab: Lab;
  let home: string;
  let proxy: LabProcess;

  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: ["api.openai.com", "api.anthropic.com"] });
    home = temporaryFolder();
    proxy = spawnOximy(lab, ["proxy", "--port", "8088", "--json"], {
      env: { HOME: home, OXIMY_BUNDLE_FILE: join(PROJECT, "data/oisp-bundle.json") },
    });
    await new Promise<void>((resolve, reject) => {
      proxy.child.stderr.on("data", () => /Proxy on/.test(proxy.stderr) && resolve());
      proxy.exited.then(({ stderr }) => reject(new Error(stderr)), reject);
    });
  });
  afterAll(async () => {
    proxy?.kill("SIGTERM");
    await proxy?.exited;
    await lab?.close();
  });

  it("writes the event of the quick start's curl line, and the quick start's jq line shows it", async () => {
    const line = `curl -x http://localhost:8088 -k \\
      -X POST https://api.openai.com/v1/chat/completions \\
      -H "Content-Type: application/json" \\
      -H "Authorization: Bearer $OPENAI_API_KEY" \\
      -d '{"model":"gpt-4","messages":[{"role":"user","content":"Hello"}]}'`;
    const answer = await lab.machine.exec("sh", ["-c", line], {
      env: { OPENAI_API_KEY: CREDENTIALS.openai },
    });
    expect(JSON.parse(answer.stdout).choices[0].message.content).toBe("Hi there!");
    await proxy.printed(/"model":"gpt-4"/);
    const shown = await lab.machine.exec(
      "sh",
      ["-c", "cat ~/.oximy/traces/traces_$(date +%Y-%m-%d).jsonl | jq ."],
      {
        env: { HOME: home },
      },
    );
    const event = JSON.parse(shown.stdout);
    validateEvent(event);
    expect(event).toMatchObject({
      source: { type: "api", id: "openai", endpoint: null },
      trace_level: "full",
      client: { name: "curl" },
      interaction: {
        model: "gpt-4",
        provider: "openai",
        request: { messages: [{ role: "user", content: "Hello" }], model: "gpt-4" },
        response: { content: "Hi there!", model: "gpt-4", usage: { input_tokens: 5, output_tokens: 3 } },
      },
    });
  });

  it("shows the client the server's own certificate for a host that the bundle does not know", async () => {
    await lab.addServer({ names: ["www.example.org"] });
    const { stdout, code } = await lab.machine.exec("curl", [
      ...["-sS", "-x", "http://127.0.0.1:8088", "-o", "/dev/null", "-w", "%{http_code} %{ssl_verify_result}"],
      "https://www.example.org/any",
    ]);
    expect([code, stdout]).toEqual([0, "404 0"]);
  });

  it("answers 502-like for a tunnel to nowhere by ending it, and goes on", async () => {
    const args = ["-sS", "-k", "-m", "5", "-x", "http://127.0.0.1:8088", "https://nowhere.example/"];
    expect((await lab.machine.exec("curl", args)).code).not.toBe(0);
    expect(proxy.child.exitCode).toBeNull();
  });
});
