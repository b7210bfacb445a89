/** The commands as data, the source of completions and manual pages. */

import type { Command } from "commander";

export interface CommandInfo {
  /** `bundle show`: without the program's name; empty for the program itself. */
  readonly path: readonly string[];
  readonly description: string;
  readonly usage: string;
  readonly options: readonly OptionInfo[];
  readonly arguments: readonly {
    readonly name: string;
    readonly description: string;
    readonly choices: readonly string[];
  }[];
  readonly commands: readonly string[];
}

export interface OptionInfo {
  /** `-V`, `--version`. */
  readonly names: readonly string[];
  readonly flags: string;
  readonly description: string;
  /** Its argument: none, a value, a path, or one of a list. */
  readonly takes: "nothing" | "value" | "path" | readonly string[];
}

/** The program first, then each command before its subcommands. */
export function commandTree(program: Command, path: readonly string[] = []): CommandInfo[] {
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((command) => command.name() !== "help");
  const info: CommandInfo = {
    path,
    description: program.description(),
    usage: help.commandUsage(program),
    options: help.visibleOptions(program).map((option) => ({
      names: [option.short, option.long].filter((name) => name !== undefined),
      flags: option.flags,
      description: option.description,
      takes: takenBy(option),
    })),
    arguments: program.registeredArguments.map((argument) => ({
      name: argument.name(),
      description: argument.description,
      choices: argument.argChoices ?? [],
    })),
    commands: commands.map((command) => command.name()),
  };
  return [info, ...commands.flatMap((command) => commandTree(command, [...path, command.name()]))];
}

function takenBy(option: { flags: string; argChoices?: string[] }): OptionInfo["takes"] {
  if (option.argChoices !== undefined) return option.argChoices;
  if (!/[<[]/.test(option.flags)) return "nothing";
  return /<(dir|file|command)>/.test(option.flags) ? "path" : "value";
}
