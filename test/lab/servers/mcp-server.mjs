/** A server of MCP over streamable HTTP for the lab's internet; its argument is ServerArguments as JSON. */

import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { testServer } from "../../mcp/sdk-server.mjs";

const { hosts, port, keyFile, certFile } = JSON.parse(process.argv[2]);

async function answer(request, response) {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  await testServer().connect(transport);
  await transport.handleRequest(request, response);
}

for (const host of hosts) {
  const server = createServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) }, answer);
  await new Promise((resolve) => server.listen(port, host, resolve));
}
process.stdout.write(`${JSON.stringify({ ports: [port] })}\n`);
