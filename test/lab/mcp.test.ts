import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { LabServer } from "../../lab/lab-server.js";
import { LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const SERVER = { file: new URL("./servers/mcp-server.mjs", import.meta.url) };

describe.skipIf(requireLab())("hosts of MCP servers", () => {
  let lab: Lab;
  let oximy: LabOximy | undefined;

  beforeAll(async () => {
    lab = await createLab();
    await LabServer.start(lab, SERVER, { names: ["mcp.example.org"], port: 8443 });
    await LabServer.start(lab, SERVER, { names: ["other.example.org"] });
  });
  afterEach(() => oximy?.stop());
  afterAll(() => lab?.close());

  const call = async (host: string) => {
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"}}}';
    const headers = ["content-type: application/json", "accept: application/json, text/event-stream"];
    const args = ["-sSkv", ...headers.flatMap((header) => ["-H", header]), "-d", body, `https://${host}/mcp`];
    const { stdout, stderr } = await lab.machine.exec("curl", args);
    return { answer: stdout, seen: /issuer:.*Oximy CA/.test(stderr) ? "oximy" : "server" };
  };

  it("are read when they are named, at the port that they are named with, and others are not", async () => {
    oximy = await LabOximy.start(lab, ["--trust", "always", "--mcp-host", "mcp.example.org:8443"]);
    expect(await call("other.example.org")).toMatchObject({ seen: "server" });
    const { answer, seen } = await call("mcp.example.org:8443");
    expect(seen).toBe("oximy");
    expect(answer).toContain('"text":"hi"');
    const events = await oximy.captured(1);
    expect(events).toMatchObject([
      {
        source: { type: "mcp", id: "mcp.example.org", endpoint: "tools/call" },
        client: { name: "curl" },
        mcp: { transport: "http", tool: "echo" },
        interaction: { response: { result: { content: [{ text: "hi" }] } } },
        metadata: { request_host: "mcp.example.org:8443", via: "intercept", response_status: 200 },
      },
    ]);
  });
});
