import { X509Certificate } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabServer } from "../../lab/lab-server.js";
import { CREDENTIALS } from "../credentials.js";
import { validateEvent } from "../event/schema.js";
import { secretsIn } from "../secrets-in.js";
import { LabOximy, PROJECT } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const CHAT = "https://api.openai.com/v1/chat/completions";
const MESSAGES = "https://api.anthropic.com/v1/messages";

const openaiBody = (stream: boolean) =>
  JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "Hello" }], stream });
const anthropicBody = (stream: boolean) =>
  JSON.stringify({
    model: "claude-sonnet-5",
    max_tokens: 64,
    messages: [{ role: "user", content: "Hello" }],
    stream,
  });

describe.skipIf(requireLab())("oximy local", () => {
  let lab: Lab;
  let oximy: LabOximy;
  let server: LabServer;
  let seen = 0;

  beforeAll(async () => {
    lab = await createLab();
    server = await lab.addServer({ names: ["api.openai.com", "api.anthropic.com"] });
    oximy = await LabOximy.start(lab);
  });
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  /** Runs a client and returns it with the events that it caused. */
  async function capture(command: string, args: readonly string[], total = 1, uid = 34_567) {
    const running = lab.machine.spawn(command, args, {
      uid,
      gid: uid + 1,
      cwd: PROJECT,
      env: {
        NODE_EXTRA_CA_CERTS: trusted(),
        CURL_CA_BUNDLE: trusted(),
        OPENAI_API_KEY: CREDENTIALS.openai,
        ANTHROPIC_API_KEY: CREDENTIALS.anthropic,
      },
    });
    const result = await running.exited;
    expect(result).toMatchObject({ code: 0 });
    seen += total;
    const events = (await oximy.captured(seen)).slice(-total);
    for (const event of events) validateEvent(event);
    return { pid: running.pid, uid, stdout: result.stdout, events, event: events.at(-1)! };
  }
  /** A copy that every user may read: the caller's home is closed to others, as it should be. */
  function trusted(): string {
    const copy = join(lab.dir, "oximy-ca.pem");
    copyFileSync(oximy.certificate, copy);
    chmodSync(copy, 0o644);
    return copy;
  }
  const curl = (family: string, url: string, body: string) => [
    family,
    "-sSN",
    "-H",
    "content-type: application/json",
    "-H",
    `authorization: Bearer ${CREDENTIALS.openai}`,
    "-d",
    body,
    url,
  ];

  /** The event that the first implementation's README shows. */
  const openaiEvent = {
    source: { type: "api", id: "openai", endpoint: null },
    trace_level: "full",
    timing: { duration_ms: expect.any(Number), ttfb_ms: expect.any(Number) },
    interaction: {
      model: "gpt-4",
      provider: "openai",
      request: { messages: [{ role: "user", content: "Hello" }], model: "gpt-4" },
      response: { content: "Hi there!", model: "gpt-4" },
    },
  };
  const usage = { input_tokens: 5, output_tokens: 3 };
  const anthropicEvent = {
    source: { type: "api", id: "anthropic", endpoint: null },
    trace_level: "full",
    interaction: {
      model: "claude-sonnet-5",
      provider: "anthropic",
      request: { messages: [{ role: "user", content: "Hello" }], model: "claude-sonnet-5" },
      response: { content: "Hi there!", usage },
    },
  };

  describe.each(["-4", "-6"])("curl %s", (family) => {
    it("is captured, plain, with its process", async () => {
      const { event, pid, uid, stdout } = await capture("curl", curl(family, CHAT, openaiBody(false)));
      expect(JSON.parse(stdout).choices[0].message.content).toBe("Hi there!");
      expect(event).toMatchObject(openaiEvent);
      expect(event.interaction?.response?.usage).toMatchObject(usage);
      expect(event.client).toMatchObject({ pid, uid, path: realpathSync("/usr/bin/curl"), name: "curl" });
      expect(event.app).toBeUndefined();
    });

    it("is captured, streaming, with its process", async () => {
      const { event, pid, uid, stdout } = await capture("curl", curl(family, CHAT, openaiBody(true)));
      expect(stdout).toContain("data: [DONE]");
      expect(event).toMatchObject(openaiEvent);
      expect(event.client).toMatchObject({ pid, uid, path: realpathSync("/usr/bin/curl") });
    });

    it.each([
      ["plain", false],
      ["streaming", true],
    ])("is captured talking to Anthropic, %s", async (_name, stream) => {
      const { event, pid } = await capture("curl", curl(family, MESSAGES, anthropicBody(stream)));
      expect(event).toMatchObject(anthropicEvent);
      expect(event.client.pid).toBe(pid);
    });
  });

  it.each([
    ["openai", "plain", openaiEvent],
    ["openai", "stream", openaiEvent],
    ["anthropic", "plain", anthropicEvent],
    ["anthropic", "stream", anthropicEvent],
  ])("captures the official %s SDK, %s", async (sdk, kind, expected) => {
    const { event, pid, uid, stdout } = await capture("node", [`test/lab/clients/${sdk}.mjs`, kind]);
    const got = JSON.parse(stdout) as { content: string; model: string };
    expect(event).toMatchObject(expected);
    expect(event.interaction?.response).toMatchObject(got);
    expect(event.client).toMatchObject({ pid, uid, path: realpathSync(process.execPath) });
  });

  it("reports its time as that of the request, under a UUIDv7 of the same moment", async () => {
    const before = Date.now();
    const { event } = await capture("curl", curl("-4", CHAT, openaiBody(false)));
    const at = Date.parse(event.timestamp);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now());
    expect(Number.parseInt(event.event_id.replace("-", "").slice(0, 12), 16)).toBe(at);
  });

  it("attributes a binary that an app's Linux signature names to that app, by its executable", async () => {
    const folder = join(lab.dir, "cursor-app");
    mkdirSync(folder, { recursive: true });
    const binary = join(folder, "cursor");
    copyFileSync(realpathSync("/usr/bin/curl"), binary);
    chmodSync(binary, 0o755);
    const { event, pid } = await capture(binary, curl("-4", CHAT, openaiBody(false)));
    expect(event.client).toMatchObject({ pid, path: binary, name: "cursor" });
    expect(event.app).toMatchObject({ id: "cursor", name: "Cursor", matched_by: "executable" });
  });

  it("writes no credential that a request carried", async () => {
    const { openai, anthropic, google, groq, jwt, cookie, password, awsKeyId, awsSecretKey } = CREDENTIALS;
    const told = `Why does it fail? ANTHROPIC_API_KEY=${anthropic} curl -H "Authorization: Bearer ${jwt}"`;
    const body = JSON.stringify({
      model: "gpt-4",
      api_key: groq,
      messages: [
        { role: "user", content: told },
        {
          role: "tool",
          content: JSON.stringify({ aws_access_key_id: awsKeyId, aws_secret_access_key: awsSecretKey }),
        },
      ],
      metadata: { password },
    });
    const headers = [
      `cookie: session=${cookie}`,
      `x-api-key: ${anthropic}`,
      `proxy-authorization: Basic ${jwt}`,
    ];
    const before = server.requests.length;
    const { event } = await capture("curl", [
      ...headers.flatMap((header) => ["-H", header]),
      ...curl("-4", `${CHAT}?key=${google}`, body),
    ]);
    const used = [openai, anthropic, google, groq, jwt, cookie, password, awsKeyId, awsSecretKey];
    const received = JSON.stringify(server.requests.slice(before));
    expect(used.filter((secret) => !received.includes(secret))).toEqual([]);
    expect(event.trace_level).toBe("full");
    expect(event.metadata.request_path).toBe("/v1/chat/completions?key=REDACTED");
    expect(secretsIn(JSON.stringify(oximy.events), used)).toEqual([]);
  });

  it("makes its files readable for the user who called sudo, and for nobody else", async () => {
    const { stdout } = await lab.machine.exec("find", [oximy.home, "-printf", "%m %U %G %P\n"]);
    const files = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    for (const [mode, uid, gid, path] of files) {
      expect([path, uid, gid]).toEqual([path, "23456", "23457"]);
      expect([path, mode]).toEqual([
        path,
        expect.stringMatching(path?.endsWith("cert.pem") ? /^644$/ : /^[67]00$/),
      ]);
    }
  });

  it("runs the proxy as the user who called sudo", async () => {
    const { stdout } = await lab.machine.exec("stat", ["-c", "%u", `/proc/${oximy.proxyPid}/task`]);
    expect(stdout.trim()).toBe("23456");
  });

  it("shows the server's own certificate and bytes for a host that the bundle does not know", async () => {
    const unknown = await lab.addServer({ names: ["www.example.org"] });
    const script = `
      const socket = require("tls").connect({ host: "www.example.org", port: 443, servername: "www.example.org" }, () => {
        console.log(socket.getPeerX509Certificate().fingerprint256);
        socket.end("GET /any HTTP/1.1\\r\\nHoSt: www.example.org\\r\\nX-oDD-case:  kept \\r\\nConnection: close\\r\\n\\r\\n");
        socket.pipe(process.stdout);
      });`;
    const { stdout, code } = await lab.machine.exec("node", ["-e", script], {
      env: { NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt" },
    });
    expect(code).toBe(0);
    expect(stdout.split("\n", 1)[0]).toBe(new X509Certificate(unknown.certificate.cert).fingerprint256);
    const [request] = await unknown.received(1);
    expect(JSON.stringify(request)).toContain("X-oDD-case");
    expect(oximy.events).toHaveLength(seen);
  });

  it.each([
    ["expired", "certificate has expired"],
    ["self_signed", "self-signed certificate"],
    ["wrong_name", "no alternative certificate subject name matches"],
  ] as const)("does not hide an upstream certificate that is %s", async (certificate, complaint) => {
    const name = { expired: "api.groq.com", self_signed: "api.mistral.ai", wrong_name: "api.deepseek.com" }[
      certificate
    ];
    const bad = await lab.addServer({ names: [name], certificate });
    const result = await lab.machine.exec("curl", ["-sS", `https://${name}/v1/models`], {
      env: { CURL_CA_BUNDLE: "/etc/ssl/certs/ca-certificates.crt" },
    });
    expect(result.code).toBe(60);
    expect(result.stderr).toContain(complaint);
    const insecure = await lab.machine.exec("curl", ["-sSkv", `https://${name}/v1/models`]);
    expect(insecure.stderr).toContain(new X509Certificate(bad.certificate.cert).issuer);
    seen += 2;
    const [event] = (await oximy.captured(seen)).slice(-1);
    validateEvent(event);
    expect(event).toMatchObject({
      trace_level: "identifiable",
      metadata: { reason: "upstream_certificate_invalid" },
    });
  });

  it("leaves the server's view of a captured request as it is without us", async () => {
    const before = server.requests.length;
    await capture("curl", ["--http1.1", ...curl("-4", CHAT, openaiBody(false))]);
    const request = (await server.received(before + 1)).at(-1)!;
    expect(request).toMatchObject({ remoteAddress: "203.0.113.1", httpVersion: "1.1" });
  });
});
