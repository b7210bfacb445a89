/** `oximy mcp-server`: what was captured, for agents to ask about, over standard input and output. */

import type { Command } from "commander";
import { findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";

export function addMcpServerCommand(program: Command): void {
  const command = program
    .command("mcp-server")
    .description(
      "let agents ask about your own events: an MCP server over standard input and output, read-only",
    );
  addSomeOptions(command, "output_dir").action(async () => {
    const invokingUser = findInvokingUser();
    const folder = outputFolder(command, oximyHome(process.env, invokingUser.home));
    // Large, and of no use to any other command.
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
