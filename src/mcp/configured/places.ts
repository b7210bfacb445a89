/** Where apps keep their MCP server configuration. */

import { join } from "node:path";

export interface ConfigPlace {
  /** The bundle's id of the app. */
  readonly app: string;
  readonly file: string;
  readonly format: "json" | "toml";
  /** Path of members to the object that maps names to servers. */
  readonly at: readonly string[];
  /** The folder that the servers apply to; absent when they apply to all. */
  readonly project?: string;
}

/** `~/.claude.json`: the user's servers, and under each project's path those of that project. */
export const claudeFile = (home: string): string => join(home, ".claude.json");

/**
 * Places of the user's own configuration.
 *
 * - Claude Code, `~/.claude.json`: code.claude.com/docs/en/mcp, "MCP installation scopes".
 * - Claude Desktop: modelcontextprotocol.io/quickstart/user; on Linux, for which there are unofficial builds, Electron's
 *   folder for the same name.
 * - Cursor, `~/.cursor/mcp.json`: cursor.com/docs/mcp, "Configuration locations".
 * - VS Code, `mcp.json` of the user's profile, `servers`: code.visualstudio.com/docs/copilot/reference/mcp-configuration;
 *   before 1.102 `mcp.servers` of `settings.json`. `~/.copilot/mcp-config.json`: the portable form, on the same page.
 * - Codex, `$CODEX_HOME/config.toml`, `[mcp_servers.NAME]`: github.com/openai/codex, docs/config.md.
 * - Gemini CLI, `~/.gemini/settings.json`: github.com/google-gemini/gemini-cli, docs/tools/mcp-server.md.
 * - Windsurf, `~/.codeium/windsurf/mcp_config.json`: docs.windsurf.com/windsurf/cascade/mcp.
 */
export function userPlaces(
  home: string,
  system: "darwin" | "linux",
  env: NodeJS.ProcessEnv = {},
): ConfigPlace[] {
  const settings = system === "darwin" ? join(home, "Library", "Application Support") : join(home, ".config");
  const json = (app: string, file: string, ...at: string[]): ConfigPlace => ({
    app,
    file,
    format: "json",
    at,
  });
  return [
    json("claude-code", claudeFile(home), "mcpServers"),
    json("claude", join(settings, "Claude", "claude_desktop_config.json"), "mcpServers"),
    json("cursor", join(home, ".cursor", "mcp.json"), "mcpServers"),
    json("vscode", join(settings, "Code", "User", "mcp.json"), "servers"),
    json("vscode", join(settings, "Code", "User", "settings.json"), "mcp", "servers"),
    json("copilot-cli", join(home, ".copilot", "mcp-config.json"), "mcpServers"),
    {
      app: "codex",
      file: join(env.CODEX_HOME || join(home, ".codex"), "config.toml"),
      format: "toml",
      at: ["mcp_servers"],
    },
    json("gemini-cli", join(home, ".gemini", "settings.json"), "mcpServers"),
    json("windsurf", join(home, ".codeium", "windsurf", "mcp_config.json"), "mcpServers"),
  ];
}

/** Places within a project folder, from the same sources. */
export function projectPlaces(project: string): ConfigPlace[] {
  const json = (app: string, file: string, at: string): ConfigPlace => ({
    app,
    file: join(project, file),
    format: "json",
    at: [at],
    project,
  });
  return [
    json("claude-code", ".mcp.json", "mcpServers"),
    json("cursor", join(".cursor", "mcp.json"), "mcpServers"),
    json("vscode", join(".vscode", "mcp.json"), "servers"),
    {
      app: "codex",
      file: join(project, ".codex", "config.toml"),
      format: "toml",
      at: ["mcp_servers"],
      project,
    },
    json("gemini-cli", join(".gemini", "settings.json"), "mcpServers"),
  ];
}
