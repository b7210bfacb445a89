import { chownSync, copyFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { temporaryFolder } from "../temporary-folder.js";
import { LabOximy, PROJECT, spawnOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const ANSWER =
  '{"model":"llama3","message":{"role":"assistant","content":"Hi there!"},"done":true,"prompt_eval_count":5,"eval_count":3}';
const OLLAMA = `
  const server = require("http").createServer((request, response) => {
    request.resume().on("end", () => response.setHeader("content-type", "application/json").end(${JSON.stringify(ANSWER)}));
  });
  server.listen(11434, "127.0.0.1", () => console.log("listening"));`;
const ASK = [
  ...["-sS", "-H", "content-type: application/json"],
  ...["-d", '{"model":"llama3","stream":false,"messages":[{"role":"user","content":"Hello"}]}'],
  "http://127.0.0.1:11434/api/chat",
];

describe.skipIf(requireLab())("local models", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab();
    await lab.machine.spawn("node", ["-e", OLLAMA]).printed(/listening/);
  });
  afterAll(() => lab?.close());

  it("are seen over loopback when asked for", async () => {
    const oximy = await LabOximy.start(lab, ["--local-models"]);
    const { stdout } = await lab.machine.exec("curl", ASK);
    expect(stdout).toBe(ANSWER);
    const [event] = await oximy.captured(1);
    expect(event).toMatchObject({
      source: { type: "api", id: "ollama" },
      client: { name: "curl" },
      interaction: {
        model: "llama3",
        response: { content: "Hi there!", usage: { input_tokens: 5, output_tokens: 3 } },
      },
      metadata: { request_host: "127.0.0.1:11434", protocol: "http/1.1" },
    });
    await oximy.stop();
  });

  it("are left alone otherwise", async () => {
    const oximy = await LabOximy.start(lab);
    expect((await lab.machine.exec("curl", ASK)).stdout).toBe(ANSWER);
    expect((await oximy.stop()).stdout).toBe("");
  });
});

describe.skipIf(requireLab())("oximy run", () => {
  let lab: Lab;
  let home: string;
  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: ["api.openai.com"] });
    home = temporaryFolder();
    chownSync(home, 34_567, 34_567);
  });
  afterAll(() => lab?.close());

  const run = (...command: string[]) =>
    spawnOximy(lab, ["run", "--", ...command], {
      uid: 34_567,
      env: { HOME: home, OXIMY_BUNDLE_FILE: join(PROJECT, "data/oisp-bundle.json") },
    }).exited;

  it("captures a command without root, and hands its output and exit code on", async () => {
    const body = '{"model":"gpt-4","messages":[{"role":"user","content":"Hello"}]}';
    const result = await run(
      "sh",
      "-c",
      `curl -sS -d '${body}' https://api.openai.com/v1/chat/completions; exit 7`,
    );
    expect(JSON.parse(result.stdout).choices[0].message.content).toBe("Hi there!");
    expect(result.code).toBe(7);
    const folder = join(home, ".oximy/traces");
    const lines = readdirSync(folder).flatMap((file) =>
      readFileSync(join(folder, file), "utf8").trim().split("\n"),
    );
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        trace_level: "full",
        client: { name: "curl", uid: 34_567 },
        interaction: { response: { content: "Hi there!" } },
      },
    ]);
  });

  it("says that a command does not exist", async () => {
    const { code, stderr } = await run("no-such-command");
    expect(stderr).toContain("no-such-command could not be started");
    expect(code).toBe(2);
  });

  it("leaves the command's own options to the command", async () => {
    const copy = join(lab.dir, "echo");
    copyFileSync("/bin/echo", copy);
    expect((await run("echo", "--json", "--version")).stdout).toMatch(/--json --version|GNU coreutils/);
  });
});
