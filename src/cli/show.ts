/** `oximy show ID`: one conversation, as a person reads it. */

import type { Command } from "commander";
import { OximyError } from "../errors.js";
import { findCaller } from "../local/caller.js";
import { oximyHome } from "../local/settings.js";
import { WITHOUT_BODIES, WITHOUT_WORDS } from "../traces/cut-line.js";
import { readEventLines, readEvents } from "../traces/event-files.js";
import { sessionKey } from "../traces/sessions.js";
import { transcriptOf } from "../traces/transcript.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";
import { asWritten, print } from "./print.js";

export function addShowCommand(program: Command): void {
  const command = program
    .command("show")
    .description("print one conversation; tool calls are folded")
    .argument("<id>", "of the conversation, as `oximy sessions` prints it, or of one of its events")
    .option("--tools", "print what tools were called with, and what they answered, in full", false)
    .option("--json", "print its events as they were written, one a line", false);
  addSomeOptions(command, "output_dir").action(async (id: string) => {
    const { tools, json } = command.opts<{ tools: boolean; json: boolean }>();
    const folder = outputFolder(command, oximyHome(process.env, findCaller().home));
    const key = await keyOf(folder, id);
    for await (const { event, line } of readEventLines(folder, {}, WITHOUT_BODIES)) {
      if (event.conversation === undefined ? event.event_id !== id : sessionKey(event) !== key) continue;
      if (json) await print(asWritten(line));
      else await print(transcriptOf(event, { tools: tools ? "whole" : "folded" }).join("\n"));
      await print("\n");
    }
  });
}

/** An event's id stands for its conversation. */
async function keyOf(folder: string, id: string): Promise<string> {
  for await (const event of readEvents(folder, {}, WITHOUT_WORDS)) {
    if (event.conversation?.id === id || event.event_id === id) return sessionKey(event);
  }
  throw new OximyError(
    "OXIMY_E_USAGE",
    `There is no conversation or event ${id} in ${folder}.`,
    "oximy sessions lists the conversations, oximy events --json the events.",
  );
}
