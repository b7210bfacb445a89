/** `oximy show ID`: one conversation as text. */

import type { Command } from "commander";
import { conversationLines } from "../traces/conversation-lines.js";
import { WITHOUT_BODIES } from "../traces/cut-line.js";
import { transcriptOf } from "../traces/transcript.js";
import { findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";
import { asWritten, print } from "./print.js";

export function addShowCommand(program: Command): void {
  const command = program
    .command("show")
    .description("print one conversation; tool calls are folded")
    .argument("<id>", "id of the conversation, as printed by `oximy sessions`, or of one of its events")
    .option("--tools", "print arguments and results of tool calls in full", false)
    .option("--json", "print its events as they were written, one per line", false);
  addSomeOptions(command, "output_dir").action(async (id: string) => {
    const { tools, json } = command.opts<{ tools: boolean; json: boolean }>();
    const folder = outputFolder(command, oximyHome(process.env, findInvokingUser().home));
    for await (const { event, line } of conversationLines(folder, id, WITHOUT_BODIES)) {
      if (json) await print(asWritten(line));
      else await print(transcriptOf(event, { tools: tools ? "whole" : "folded" }).join("\n"));
      await print("\n");
    }
  });
}
