import type { Server } from "@modelcontextprotocol/sdk/server/index.js";

/** One that tells its tools, resources and prompts, and can ask its client. */
export function testServer(): Server;
