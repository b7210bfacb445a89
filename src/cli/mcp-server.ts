/** `oximy mcp-server`: gives agents access to captured events, over standard input and output. */

import type { Command } from "commander";
import { findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";

export function addMcpServerCommand(program: Command): void {
  const command = program
    .command("mcp-server")
    .description("give agents read-only access to your events: an MCP server over standard input and output");
  addSomeOptions(command, "output_dir").action(async () => {
    const invokingUser = findInvokingUser();
    const folder = outputFolder(command, oximyHome(process.env, invokingUser.home));
    // Loaded lazily: large, and no other command needs it.
    const [{ createMcpServer }, { StdioServerTransport }] = await Promise.all([
      import("../mcp-server/server.js"),
      import("@modelcontextprotocol/sdk/server/stdio.js"),
    ]);
    const server = createMcpServer({ folder, uid: invokingUser.uid });
    const ended = new Promise<void>((resolve) => {
      process.stdin.once("end", resolve);
      server.onclose = resolve;
    });
    await server.connect(new StdioServerTransport());
    await ended;
    process.exitCode = 0;
  });
}
