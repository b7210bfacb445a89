/** What is told of an event wherever events are summed up or named. */

import type { OximyEvent } from "./event.js";

/** Name of the app, else of the process. */
export const appNameOf = ({ app, client }: Pick<OximyEvent, "app" | "client">): string =>
  app?.name ?? client.name ?? "unknown";

/** What was asked for: the provider and its model, or the server of MCP and its tool. */
export function askedOf({
  source,
  interaction,
  mcp,
}: Pick<OximyEvent, "source" | "interaction" | "mcp">): string {
  if (mcp !== undefined) return `${source.id}/${mcp.tool ?? mcp.prompt ?? mcp.resource ?? mcp.method}`;
  return interaction?.model == null ? source.id : `${source.id}/${interaction.model}`;
}

/** What is summed: counting tokens is no use of a model, and the call that follows counts them again. */
export const countedUsage = ({ interaction }: Pick<OximyEvent, "interaction">) =>
  interaction?.type === "token_count" ? undefined : interaction?.response?.usage;
