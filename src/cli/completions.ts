/** Completion scripts for shells, generated from the commands. Values in, text out. */

import type { CommandInfo, OptionInfo } from "./command-tree.js";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, commands: readonly CommandInfo[]): string {
  return { bash, zsh, fish }[shell](commands);
}

/** All three use single quotes around descriptions. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

const words = ({ commands, options, arguments: given }: CommandInfo) => [
  ...commands,
  ...given.flatMap(({ choices }) => choices),
  ...options.flatMap(({ names }) => names.filter((name) => name.startsWith("--"))),
];

function bash(commands: readonly CommandInfo[]): string {
  const paths = commands.filter(({ path }) => path.length > 0).map(({ path }) => path.join(" "));
  const cases = commands.map(
    (command) => `    ${quoted(command.path.join(" "))}) words=${quoted(words(command).join(" "))} ;;`,
  );
  const values = valueOptions(commands).map(([names, takes]) =>
    Array.isArray(takes)
      ? `    ${names.join("|")}) mapfile -t COMPREPLY < <(compgen -W ${quoted(takes.join(" "))} -- "$word"); return ;;`
      : `    ${names.join("|")}) ${takes === "path" ? "compopt -o default; " : ""}return ;;`,
  );
  return `# oximy completion bash > /etc/bash_completion.d/oximy
_oximy() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} path='' words at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    case " \${path:+$path }\${COMP_WORDS[at]} " in
${paths.map((path) => `      ${quoted(` ${path} `)}) path=${quoted(path)} ;;`).join("\n")}
    esac
  done
  case $before in
${values.join("\n")}
  esac
  case $path in
${cases.join("\n")}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [ \${#COMPREPLY[@]} -gt 0 ] || compopt -o default
}
complete -F _oximy oximy
`;
}

function zsh(commands: readonly CommandInfo[]): string {
  const functions = commands.map((command) => {
    const specs = command.options.map((option) => quoted(zshOption(option)));
    const name = functionOf(command.path);
    if (command.commands.length === 0) {
      const rest = command.arguments.flatMap(({ choices }) =>
        choices.length > 0 ? [quoted(`1:form:(${choices.join(" ")})`)] : [],
      );
      return `${name}() {\n  _arguments ${[...specs, ...rest, quoted("*: :_default")].join(" ")}\n}`;
    }
    const inner = commands.filter(
      ({ path }) =>
        path.length === command.path.length + 1 && path.join(" ").startsWith(command.path.join(" ")),
    );
    const named = inner.map(({ path, description }) => quoted(`${path.at(-1)}:${description}`));
    const next = inner.map(({ path }) => `    ${path.at(-1)}) ${functionOf(path)} ;;`);
    return `${name}() {
  local line state
  local -a commands=(${named.join(" ")})
  _arguments -C ${[...specs, quoted("1: :->command"), quoted("*::argument:->rest")].join(" ")}
  case $state in
    command) _describe command commands ;;
    rest) case $line[1] in
${next.join("\n")}
    esac ;;
  esac
}`;
  });
  return `#compdef oximy\n# oximy completion zsh > "\${fpath[1]}/_oximy"\n${functions.join("\n")}\n_oximy "$@"\n`;
}

const functionOf = (path: readonly string[]) => ["_oximy", ...path].join("_").replaceAll("-", "_");

function zshOption({ names, description, takes }: OptionInfo): string {
  const explanation = description.replace(/[[\]:]/g, "\\$&");
  const value = Array.isArray(takes)
    ? `:value:(${takes.join(" ")})`
    : takes === "nothing"
      ? ""
      : takes === "path"
        ? ":path:_files"
        : ":value: ";
  return `*${names.at(-1)}[${explanation}]${value}`;
}

function fish(commands: readonly CommandInfo[]): string {
  const lines = commands.flatMap(({ path, options, commands: inner, arguments: given }) => {
    const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`).join("; and ");
    const none = inner.length > 0 ? `not __fish_seen_subcommand_from ${inner.join(" ")}` : "";
    const when = [seen, none].filter((condition) => condition !== "").join("; and ");
    const head = `complete -c oximy${when === "" ? "" : ` -n ${quoted(when)}`}`;
    return [
      ...inner.map((name) => {
        const command = commands.find(({ path: other }) => other.join(" ") === [...path, name].join(" "));
        return `${head} -f -a ${name} -d ${quoted(command?.description ?? "")}`;
      }),
      ...given
        .filter(({ choices }) => choices.length > 0)
        .map(({ choices }) => `${head} -f -a ${quoted(choices.join(" "))}`),
      ...options.map((option) => `${head} ${fishOption(option)}`),
    ];
  });
  return `# oximy completion fish > ~/.config/fish/completions/oximy.fish\n${lines.join("\n")}\n`;
}

function fishOption({ names, description, takes }: OptionInfo): string {
  const long = names.filter((name) => name.startsWith("--")).map((name) => `-l ${name.slice(2)}`);
  const short = names.filter((name) => !name.startsWith("--")).map((name) => `-s ${name.slice(1)}`);
  const value = Array.isArray(takes)
    ? [`-x -a ${quoted(takes.join(" "))}`]
    : takes === "nothing"
      ? []
      : [takes === "path" ? "-r -F" : "-x"];
  return [...short, ...long, ...value, `-d ${quoted(description)}`].join(" ");
}

/** Options that take an argument, each once. */
function valueOptions(commands: readonly CommandInfo[]): Array<[readonly string[], OptionInfo["takes"]]> {
  const found = new Map<string, [readonly string[], OptionInfo["takes"]]>();
  for (const { names, takes } of commands.flatMap(({ options }) => options)) {
    if (takes !== "nothing" && !found.has(names.join("|"))) found.set(names.join("|"), [names, takes]);
  }
  return [...found.values()];
}
