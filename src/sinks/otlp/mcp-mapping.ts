/**
 * Maps an MCP call to OpenTelemetry, after docs/gen-ai/mcp.md of
 * https://github.com/open-telemetry/semantic-conventions-genai (v0.1.0).
 */

import type { EventMcp, OximyEvent } from "../../event/event.js";
import type { AttributeSet } from "./mapping.js";

export const MCP_DURATION_METRIC = "mcp.client.operation.duration";
/** Seconds; the boundaries that the conventions recommend for it. */
export const MCP_DURATION_BOUNDARIES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/** What spans and metrics have in common. */
export function mcpAttributes({ method, tool, prompt, ...mcp }: EventMcp): AttributeSet {
  const { protocol_version: version, transport } = mcp;
  return {
    "mcp.method.name": method,
    ...(method === "tools/call" && { "gen_ai.operation.name": "execute_tool" }),
    ...(tool !== undefined && { "gen_ai.tool.name": tool }),
    ...(prompt !== undefined && { "gen_ai.prompt.name": prompt }),
    ...(version !== undefined && { "mcp.protocol.version": version }),
    ...(transport === "stdio"
      ? { "network.transport": "pipe" }
      : { "network.transport": "tcp", "network.protocol.name": "http" }),
  };
}

/** For spans only, since resources are many. The conventions have no attribute for the server's name. */
export function mcpSpanAttributes({ mcp, source }: OximyEvent): AttributeSet {
  if (mcp === undefined) return {};
  return {
    ...(mcp.resource !== undefined && { "mcp.resource.uri": mcp.resource.replace(/[?#].*$/s, "") }),
    "oximy.mcp.server": source.id,
  };
}

/** `{mcp.method.name} {target}`; undefined for anything but an MCP call. */
export function mcpSpanName(common: AttributeSet): string | undefined {
  const method = common["mcp.method.name"];
  if (method === undefined) return undefined;
  const target = common["gen_ai.tool.name"] ?? common["gen_ai.prompt.name"];
  return target === undefined ? String(method) : `${method} ${target}`;
}
