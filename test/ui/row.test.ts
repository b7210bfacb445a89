import { expect, it } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { rowOf } from "../../src/ui/server/row.js";

const MCP: OximyEvent = {
  event_id: "019ba454-e7b4-7600-9e5e-376227eb454e",
  schema_version: 2,
  timestamp: "2026-01-09T12:00:00.000Z",
  source: { type: "mcp", id: "files", endpoint: "tools/call" },
  trace_level: "full",
  timing: { duration_ms: 12 },
  client: { pid: 1, name: "claude" },
  mcp: { transport: "stdio", method: "tools/call", tool: "read_file", is_error: true },
  interaction: { model: null, provider: null, type: "mcp", request: {}, response: {} },
  metadata: {},
} as unknown as OximyEvent;

it("a call of MCP is told by its server and tool, with or without a host", () => {
  expect(rowOf(MCP, undefined, "")).toMatchObject({
    app: "claude",
    provider: "files",
    model: "files/read_file",
    type: "mcp",
    host: "files",
    failed: true,
    duration: 12,
  });
  const remote = { ...MCP, metadata: { request_host: "mcp.example.org" } } as OximyEvent;
  expect(rowOf(remote, undefined, "").host).toBe("mcp.example.org");
});
