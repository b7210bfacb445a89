/** `oximy sessions`: the captured conversations with their totals. */

import { basename } from "node:path";
import type { Command } from "commander";
import { money } from "../sinks/feed.js";
import { localClock, localDate } from "../sinks/traces-folder.js";
import { printable, printError, printJson, printText } from "../terminal.js";
import { WITHOUT_WORDS } from "../traces/cut-line.js";
import { readEventLines } from "../traces/event-files.js";
import { type Session, sessionsOf } from "../traces/sessions.js";
import { findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";
import { addFilterOptions, filterOf } from "./filter-options.js";

export function addSessionsCommand(program: Command): void {
  const command = program
    .command("sessions")
    .description("list conversations with app, folder, model, calls, tokens, cost and first words")
    .option("--json", "print JSON", false);
  addFilterOptions(command, ["app", "since", "until"]);
  addSomeOptions(command, "output_dir").action(async () => {
    const { json } = command.opts<{ json: boolean }>();
    const folder = outputFolder(command, oximyHome(process.env, findInvokingUser().home));
    const sessions = await sessionsOf(readEventLines(folder, filterOf(command), WITHOUT_WORDS));
    if (json) printJson(sessions, 2);
    else if (sessions.length === 0) printError(`No conversations in ${folder}.`);
    else printText(sessions.map(sessionLines).join("\n\n"));
  });
}

/** Two lines: the totals, and the first words. */
export function sessionLines(session: Session): string {
  const { begun, ended, app, user, folder, branch, models, calls, agents, first_words: words } = session;
  const [from, to] = [new Date(begun), new Date(ended)];
  const place = folder === null ? [] : [`${basename(folder)}${branch === null ? "" : ` (${branch})`}`];
  const parts = [
    `${localDate(from)} ${localClock(from)}–${localClock(to)}`,
    app,
    ...(user === null ? [] : [user]),
    ...place,
    models.join(", ") || "unknown model",
    `${calls} ${calls === 1 ? "call" : "calls"}${agents === 0 ? "" : `, ${agents} agents`}`,
    `${session.input_tokens} in ${session.output_tokens} out`,
    ...(session.cost_usd === 0 ? [] : [`~$${money(session.cost_usd)}`]),
  ];
  const about = (words ?? "").replace(/\s+/g, " ").slice(0, 100);
  return `${printable(parts.join("  "))}\n  ${printable(session.id)}  ${printable(about)}`;
}
