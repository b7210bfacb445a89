/** `oximy completion SHELL` and `oximy man`, generated from the commands. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Argument, type Command } from "commander";
import { print, printText } from "../terminal.js";
import { VERSION } from "../version.js";
import { commandTree } from "./command-tree.js";
import { completionScript, SHELLS, type Shell } from "./completions.js";
import { manPage, manPageName } from "./man-page.js";

export function addCompletionCommand(program: Command): void {
  program
    .command("completion")
    .description("print a completion script: oximy completion bash > /etc/bash_completion.d/oximy")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .action((shell: Shell) => printText(completionScript(shell, commandTree(program)).trimEnd()));
}

export function addManCommand(program: Command): void {
  program
    .command("man")
    .description("write the manual pages into a folder: oximy man /usr/local/share/man/man1")
    .argument("<folder>", "created if it does not exist")
    .action((folder: string) => {
      const commands = commandTree(program);
      mkdirSync(folder, { recursive: true });
      for (const command of commands) {
        writeFileSync(join(folder, manPageName(command)), manPage(command, commands, VERSION));
      }
      print(`${commands.length} pages in ${folder}`);
    });
}
