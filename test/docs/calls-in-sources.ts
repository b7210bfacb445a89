/** Finds the commands of shell scripts and the system calls of C++ sources, so that a page can be held against them. */

/** POSIX.1-2017, XCU 2.4 and 2.14, and what bash adds of what is used here. */
const OF_THE_SHELL = new Set(
  (
    "if then elif else fi while until for do done case esac in { } ! function " +
    ": . break cd command continue echo eval exec exit export false kill local printf pwd read return set shift " +
    "test trap true umask unset wait [ [["
  ).split(" "),
);

/** A word where a command may begin, also behind what runs another; not a pattern of `case`, nor a variable that is set. */
const COMMAND =
  /(?:^|[|;&{()!])\s*(?:(?:if|elif|while|until|then|do|else|sudo|exec|command -v|check ""|wait_for \d+)\s+)*([a-z_/][\w./-]*)(?=[\s;|]|$)/gm;

/**
 * The programs that a script starts: words where a command may begin that are neither the shell's nor functions.
 * It reads scripts as they are written here, and no shell's whole grammar.
 * @param functions names that other files define
 */
export function programsOf(script: string, functions: ReadonlySet<string>): Set<string> {
  const inserted: string[] = [];
  let bare = script
    .replace(/(^|[\s;])#.*/gm, "$1")
    .replace(/(?<=[\s=(])'[^']*'/g, "''")
    .replace(/\$\(\([^)]*\)\)/g, "0");
  // What stands in $(…) becomes a line of its own, the inner ones first; then what is quoted is no command.
  for (let before = ""; before !== bare; ) {
    before = bare;
    bare = bare.replace(/\$\(([^()]*)\)/, (_, inner: string) => {
      inserted.push(inner);
      return "_";
    });
  }
  bare = [bare, ...inserted].join("\n").replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const programs = new Set<string>();
  for (const [, name = ""] of bare.matchAll(COMMAND)) {
    if (!OF_THE_SHELL.has(name) && !functions.has(name)) programs.add(name);
  }
  return programs;
}

/** Names of the functions that a script defines. */
export const functionsOf = (script: string): Set<string> =>
  new Set([...script.matchAll(/^(\w+)\(\)/gm)].map(([, name]) => name!));

const OF_THE_LANGUAGE = new Set(
  "void if for while switch return sizeof alignas alignof offsetof catch static_assert decltype defined".split(
    " ",
  ),
);

/** What C++ sources call that is in small letters, and belongs to no object, namespace or declaration of a variable. */
export function systemCallsOf(source: string): Set<string> {
  const bare = source.replace(/\/\/.*|\/\*[\s\S]*?\*\/|"(?:[^"\\]|\\.)*"/g, " ");
  const calls = new Set<string>();
  for (const { 1: before = "", 2: name = "" } of bare.matchAll(/(\w+\s+|[^\s\w]\s*|^)\b([a-z_]\w*)\(/gm)) {
    const declares = /^\w+\s+$/.test(before) && !/^(return|else|case|throw)\s/.test(before);
    const belongs = /^(\.|:|>|~)/.test(before);
    // What is also named without being called is a variable, and with an underscore behind it a member.
    const isVariable = new RegExp(`\\b${name}\\b(?!\\()`).test(bare);
    if (declares || belongs || isVariable || name.endsWith("_")) continue;
    if (!OF_THE_LANGUAGE.has(name)) calls.add(name);
  }
  return calls;
}
