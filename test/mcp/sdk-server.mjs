/** A server of MCP, made with the official SDK, over standard input and output. */

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import {
  CallToolRequestSchema,
  GetPromptRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";

export function testServer() {
  const server = new Server(
    { name: "test-tools", version: "3.1.4" },
    { capabilities: { tools: { listChanged: true }, resources: {}, prompts: {} } },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: ["echo", "fail", "ask", "picture", "slow"].map((name) => ({
      name,
      inputSchema: { type: "object" },
    })),
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => ({
    contents: [{ uri: params.uri, text: "what stands there" }],
  }));
  server.setRequestHandler(GetPromptRequestSchema, () => ({
    messages: [{ role: "user", content: { type: "text", text: "Say hello." } }],
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, sendNotification }) => {
    switch (params.name) {
      case "echo":
        return { content: [{ type: "text", text: String(params.arguments?.text ?? "") }] };
      case "fail":
        return { isError: true, content: [{ type: "text", text: "It did not work." }] };
      case "picture":
        return { content: [{ type: "image", data: "aGVsbG8=", mimeType: "image/png" }] };
      case "ask": {
        const answer = await server.createMessage({
          messages: [{ role: "user", content: { type: "text", text: "Two and two?" } }],
          maxTokens: 10,
        });
        return { content: [answer.content] };
      }
      case "slow": {
        const progressToken = params._meta?.progressToken;
        if (progressToken !== undefined) {
          await sendNotification({
            method: "notifications/progress",
            params: { progressToken, progress: 1 },
          });
        }
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return { content: [] };
      }
      default:
        throw new Error(`There is no tool ${params.name}.`);
    }
  });
  return server;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  process.stderr.write("the server's own words\n");
  await testServer().connect(new StdioServerTransport());
}
