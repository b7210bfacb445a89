/** The examples at the end of each command's `--help`. */

import type { Command } from "commander";

/** By the command's path, without the program name. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  local: [
    "sudo oximy local",
    "sudo oximy local --app cursor --app claude-code",
    "sudo oximy local --exclude-app chrome --keep-days 30 --keep-size 2G",
    "sudo oximy local --local-models --ports 443,8443",
    "sudo oximy local --otlp http://localhost:4318 --syslog unix:/dev/log --syslog-format ecs",
  ],
  proxy: ["oximy proxy", "oximy proxy --port 8089 --no-include-raw", "oximy proxy --json --user ana"],
  mcp: ["oximy mcp -- npx -y @modelcontextprotocol/server-filesystem /tmp"],
  run: ["oximy run -- claude", "oximy run --output-dir /tmp/traces -- python3 agent.py --fast"],
  apps: ["sudo oximy apps", "oximy apps --json", "oximy apps --mcp"],
  "bundle show": ["oximy bundle show"],
  "bundle update": ["oximy bundle update"],
  "bundle lookup": ["oximy bundle lookup https://api.openai.com/v1/responses"],
  events: [
    "oximy events --since 2h",
    "oximy events --follow --app cursor",
    "oximy events --status 429,5xx --fields timestamp,app.name,metadata.response_status",
    "oximy events --grep 'rate limit' --json",
  ],
  stats: ["oximy stats --since 7d", "oximy stats --by project,model", "oximy stats --by day,user --csv"],
  sessions: ["oximy sessions --since 1d", "oximy sessions --app claude-code"],
  show: ["oximy show 019ba454-e7b4-7600-9e5e-376227eb454e --tools"],
  diff: ["oximy diff 019ba454-e7b4-7600-9e5e-376227eb454e 019ba455-0d11-7abc-8f00-5a1d9c33e201"],
  export: ["oximy export har --since 1h", "oximy export html --app cursor"],
  "mcp-server": ["oximy mcp-server"],
  ui: ["oximy ui", "oximy ui --port 8090 --no-open"],
  "pins list": ["oximy pins list"],
  "pins clear": ["oximy pins clear"],
  demo: ["sudo oximy demo"],
  "ca path": ["oximy ca path", "oximy ca path --machine"],
  "ca show": ["oximy ca show"],
  "ca install": ["sudo oximy ca install", "sudo oximy ca install --environment", "oximy ca install"],
  "ca uninstall": ["sudo oximy ca uninstall"],
  "ca status": ["oximy ca status"],
  env: ["oximy env"],
  doctor: ["sudo oximy doctor"],
  "service install": ["sudo oximy service install", "sudo oximy service install -- --no-read --keep-days 30"],
  "service uninstall": ["sudo oximy service uninstall"],
  "service status": ["sudo oximy service status"],
  "service logs": ["sudo oximy service logs"],
  cleanup: ["sudo oximy cleanup", "sudo oximy cleanup --all"],
  config: ["oximy config", "oximy config --json"],
  completion: ["oximy completion bash"],
  man: ["oximy man /usr/local/share/man/man1"],
  uninstall: ["sudo oximy uninstall", "sudo oximy uninstall --purge"],
};

/** All leaf commands below one, by their path. */
export function actingCommands(program: Command, path: readonly string[] = []): [string, Command][] {
  return program.commands
    .filter((command) => command.name() !== "help")
    .flatMap((command): [string, Command][] => {
      const names = [...path, command.name()];
      const within = actingCommands(command, names);
      return within.length > 0 ? within : [[names.join(" "), command]];
    });
}

export function addExamples(program: Command): void {
  for (const [name, command] of actingCommands(program)) {
    const examples = EXAMPLES[name] ?? [];
    if (examples.length === 0) continue;
    command.addHelpText("after", `\nExamples:\n${examples.map((example) => `  ${example}`).join("\n")}`);
  }
}
