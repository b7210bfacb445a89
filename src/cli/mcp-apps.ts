/** `oximy apps --mcp`: which MCP servers the user's apps are configured to use. */

import {
  type Configured,
  type ConfiguredServer,
  configuredServers,
} from "../mcp/configured/configured-servers.js";
import { printable, printError, printJson, printText } from "../terminal.js";
import { findInvokingUser, giveRootUp } from "../user/invoking-user.js";

export function printMcpServers(style: "json" | "text"): void {
  const invokingUser = findInvokingUser();
  // Files in a home are read with its owner's rights only.
  giveRootUp(invokingUser);
  const found = configuredServers({
    home: invokingUser.home,
    system: process.platform === "darwin" ? "darwin" : "linux",
    env: process.env,
    projects: [process.cwd()],
  });
  if (style === "json") {
    printJson({ servers: found.servers, unread: found.unread }, 2);
    return;
  }
  const { servers, unread } = found;
  if (servers.length > 0) printText(serverLines(found).join("\n"));
  for (const { file, why } of unread) printError(printable(`${file} was skipped: ${why}.`));
  if (servers.length === 0 && unread.length === 0) printError("No app is configured to use an MCP server.");
}

/** The servers of each file, below its name. */
export function serverLines({ servers }: Configured): string[] {
  const groups = new Map<string, ConfiguredServer[]>();
  for (const server of servers) {
    const { app, file, project } = server;
    const title = `${app}  ${file}${project === undefined ? "" : `  for ${project}`}`;
    groups.set(title, [...(groups.get(title) ?? []), server]);
  }
  return [...groups].flatMap(([title, group]) => {
    const width = Math.max(...group.map(({ name }) => [...name].length));
    return [title, ...group.map((server) => `  ${server.name.padEnd(width)}  ${lineOf(server)}`)];
  });
}

function lineOf({ transport, command, url, env, headers, disabled, recorded }: ConfiguredServer): string {
  return [
    `${transport.padEnd(5)}  ${command ?? url ?? ""}`,
    ...(env.length === 0 ? [] : [`env: ${env.join(", ")}`]),
    ...(headers.length === 0 ? [] : [`headers: ${headers.join(", ")}`]),
    ...(disabled ? ["disabled"] : []),
    ...(recorded ? ["recorded"] : []),
  ]
    .map((part) => part.trimEnd())
    .join("  ");
}
