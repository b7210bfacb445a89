/** Properties of events shared by all summaries and lists. */

import type { OximyEvent } from "./event.js";

/** Name of the app, else of the process. */
export const appNameOf = ({ app, client }: Pick<OximyEvent, "app" | "client">): string =>
  app?.name ?? client.name ?? "unknown";

/** The target of the call: the provider and its model, or the MCP server and its tool. */
export function askedOf({
  source,
  interaction,
  mcp,
}: Pick<OximyEvent, "source" | "interaction" | "mcp">): string {
  if (mcp !== undefined) return `${source.id}/${mcp.tool ?? mcp.prompt ?? mcp.resource ?? mcp.method}`;
  return interaction?.model == null ? source.id : `${source.id}/${interaction.model}`;
}

/** The usage to sum up: requests that only count tokens are excluded, since the following call counts them again. */
export const countedUsage = ({ interaction }: Pick<OximyEvent, "interaction">) =>
  interaction?.type === "token_count" ? undefined : interaction?.response?.usage;
