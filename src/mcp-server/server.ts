/** An MCP server for the user's own events (https://modelcontextprotocol.io): read-only tools. */

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { VERSION } from "../version.js";
import { type Place, TOOLS } from "./tools.js";

export function createMcpServer(place: Place): Server {
  const server = new Server({ name: "oximy", version: VERSION }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: TOOLS.map(({ name, description, inputSchema }) => ({
      name,
      description,
      inputSchema,
      annotations: { readOnlyHint: true, openWorldHint: false },
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const tool = TOOLS.find(({ name }) => name === params.name);
    try {
      if (tool === undefined) throw new Error(`There is no tool ${params.name}.`);
      return { content: [{ type: "text", text: await tool.answer(params.arguments ?? {}, place) }] };
    } catch (error) {
      // A tool error, not a protocol error: the model reads it and can retry with other arguments.
      return { isError: true, content: [{ type: "text", text: (error as Error).message }] };
    }
  });
  return server;
}
