import { dirname, join, resolve } from "node:path/posix";
import type { FileReader } from "./file-reader.js";
import { basename } from "./identity.js";

/** What an interpreter was started to run. */
export type EntryPoint =
  | { readonly kind: "file"; readonly path: string }
  /** A named rather than located entry point: a Python module, a Java class, an npm package. */
  | { readonly kind: "name"; readonly name: string };

interface Interpreter {
  readonly executable: RegExp;
  /** The entry point in the arguments after the executable's own name. */
  readonly entryPoint: (args: readonly string[]) => EntryPoint | undefined;
}

const file = (path: string | undefined): EntryPoint | undefined =>
  path === undefined || path === "" || path === "-" ? undefined : { kind: "file", path };

const named = (name: string | undefined): EntryPoint | undefined =>
  name === undefined || name === "" ? undefined : { kind: "name", name };

/** The arguments starting with the first that is neither an option nor an option's value. */
function operands(args: readonly string[], takesValue: ReadonlySet<string>): readonly string[] {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--") return args.slice(index + 1);
    if (!arg.startsWith("-") || arg === "-") return args.slice(index);
    if (takesValue.has(arg)) index++;
  }
  return [];
}

// https://nodejs.org/api/cli.html: options whose value may be a separate argument.
const NODE_VALUES = new Set(
  "-r --require --import --loader --experimental-loader -C --conditions --env-file --env-file-if-exists --input-type --title --inspect-port --icu-data-dir --openssl-config --redirect-warnings --watch-path".split(
    " ",
  ),
);
const NODE_CODE = new Set("-e --eval -p --print -pe -i --interactive --run --test".split(" "));

function nodeEntryPoint(args: readonly string[]): EntryPoint | undefined {
  const rest = operands(args, NODE_VALUES);
  const options = args.slice(0, args.length - rest.length);
  return options.some((option) => NODE_CODE.has(option)) ? undefined : file(rest[0]);
}

/** https://docs.python.org/3/using/cmdline.html: one-letter options may be combined (`-um module`). */
function pythonEntryPoint(args: readonly string[]): EntryPoint | undefined {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (!arg.startsWith("-") || arg === "-") return file(arg);
    if (arg === "--check-hash-based-pycs") index++;
    if (arg.startsWith("--")) continue;
    const valued = /[mcWXQ]/.exec(arg);
    if (valued === null) continue;
    const value = arg.slice(valued.index + 1) || args[++index];
    if (valued[0] === "m") return named(value);
    if (valued[0] === "c") return undefined;
  }
  return undefined;
}

/** https://docs.oracle.com/en/java/javase/21/docs/specs/man/java.html */
const JAVA_VALUES = new Set(
  "-cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules --add-exports --add-opens --add-reads --limit-modules --patch-module --source --enable-native-access".split(
    " ",
  ),
);

function javaEntryPoint(args: readonly string[]): EntryPoint | undefined {
  const marked = args.findIndex((arg) => arg === "-jar" || arg === "-m" || arg === "--module");
  const [main] = operands(args, JAVA_VALUES);
  // Arguments after the main class belong to the program.
  if (marked === -1 || (main !== undefined && args.indexOf(main) < marked)) return named(main);
  return args[marked] === "-jar" ? file(args[marked + 1]) : named(args[marked + 1]?.split("/")[0]);
}

/** https://bun.sh/docs/cli/run and https://docs.deno.com/runtime/reference/cli/run */
const BUN_DENO_VALUES = new Set(
  "-r --preload --cwd -c --config --import-map --env-file --location --seed --cert -L --log-level --v8-flags".split(
    " ",
  ),
);

function bunDenoEntryPoint(args: readonly string[]): EntryPoint | undefined {
  const [first, ...rest] = operands(args, BUN_DENO_VALUES);
  if (first === "x") return npmPackage(operands(rest, BUN_DENO_VALUES)[0]);
  const target = first === "run" || first === "serve" ? operands(rest, BUN_DENO_VALUES)[0] : first;
  if (target === undefined) return undefined;
  if (/^(npm|jsr):/.test(target)) return npmPackage(target.slice(4));
  // A bare word is a subcommand or a script of package.json, which starts its own processes.
  return /[./]/.test(target) ? file(target) : undefined;
}

/** The package's name in `@scope/name@version/path`. */
function npmPackage(specifier: string | undefined): EntryPoint | undefined {
  return named(/^\/?((?:@[^/@]+\/)?[^/@]+)/.exec(specifier ?? "")?.[1]);
}

const INTERPRETERS: readonly Interpreter[] = [
  { executable: /^(?:node|nodejs)(?:-?\d+)?$/, entryPoint: nodeEntryPoint },
  { executable: /^(?:python|pypy)(?:\d+(?:\.\d+)*t?)?$/i, entryPoint: pythonEntryPoint },
  { executable: /^(?:bun|bunx|deno)$/, entryPoint: bunDenoEntryPoint },
  { executable: /^java$/, entryPoint: javaEntryPoint },
  // https://www.electronjs.org/docs/latest/api/command-line-switches: helpers have `--type=…` and no operand.
  { executable: /^electron(?:\d+)?$/i, entryPoint: (args) => file(operands(args, NODE_VALUES)[0]) },
];

/** True for executables that run arbitrary programs: their own name does not identify them. */
export function isInterpreter(executable: string): boolean {
  return INTERPRETERS.some((interpreter) => interpreter.executable.test(executable));
}

/** The entry point of the interpreter `executable`; undefined when it is none, or runs code from its command line. */
export function entryPointOf(executable: string, commandLine: readonly string[]): EntryPoint | undefined {
  const interpreter = INTERPRETERS.find((candidate) => candidate.executable.test(executable));
  if (interpreter === undefined) return undefined;
  const [self = "", ...args] = commandLine;
  return ownTitle(self, args) ?? interpreter.entryPoint(args);
}

/** A program that changed its title (`process.title = "claude"`) has it in place of its command line. */
function ownTitle(self: string, args: readonly string[]): EntryPoint | undefined {
  if (args.some((arg) => arg !== "") || isInterpreter(basename(self))) return undefined;
  return named(/^[@\w./-]+/.exec(basename(self))?.[0]);
}

const MAX_PACKAGE_JSON = 1 << 20;
const MAX_LINKS = 8;
const MAX_FOLDERS = 12;

/**
 * Names of an interpreter's entry point: its own (`claude`, `aider`, `server.jar`), and that of the package that it
 * belongs to. `cwd` is the process's, for a relative entry point.
 */
export async function nameEntryPoint(
  entry: EntryPoint,
  cwd: string | undefined,
  files: FileReader,
): Promise<{ script: string; packageName?: string }> {
  if (entry.kind === "name") return { script: entry.name };
  const script = scriptName(entry.path);
  if (!entry.path.startsWith("/") && cwd === undefined) return { script };
  const target = await followLinks(resolve(cwd ?? "/", entry.path), files);
  const packageName = packageInPath(target) ?? (await nearestPackageName(target, files));
  return packageName === undefined ? { script } : { script, packageName };
}

/** `…/aider/__main__.py` is aider, `/usr/lib/obsidian/app.asar` is obsidian. */
function scriptName(path: string): string {
  const folder = dirname(path);
  if (basename(path) === "__main__.py") return basename(folder) || "__main__.py";
  if (basename(path) === "app.asar") {
    return basename(basename(folder) === "resources" ? dirname(folder) : folder) || "app.asar";
  }
  return basename(path.replace(/\/+$/, ""));
}

/**
 * Commands are links into their package (`bin/claude` → `../lib/node_modules/…/cli.js`). Resolved manually instead of
 * by realpath(3), since an absolute link is relative to the process's root.
 */
async function followLinks(path: string, files: FileReader): Promise<string> {
  let target = path;
  for (let link = 0; link < MAX_LINKS; link++) {
    const next = await files.readLink(target);
    if (next === undefined) break;
    target = next.startsWith("/") ? next : join(dirname(target), next);
  }
  return target;
}

/** An installed package is named by its location. */
function packageInPath(path: string): string | undefined {
  const [, npm] = /.*\/node_modules\/((?:@[^/]+\/)?[^/.][^/]*)\//.exec(path) ?? [];
  const [, python] = /.*\/(?:site|dist)-packages\/([^/]+)\//.exec(path) ?? [];
  return npm ?? python;
}

async function nearestPackageName(path: string, files: FileReader): Promise<string | undefined> {
  // The entry point may be a folder itself (`electron .`).
  let folder = path;
  for (let level = 0; level < MAX_FOLDERS; level++) {
    const bytes = await files.read(join(folder, "package.json"), MAX_PACKAGE_JSON);
    const name = bytes && packageJsonName(bytes);
    if (name !== undefined || folder === "/") return name;
    folder = dirname(folder);
  }
  return undefined;
}

/** Folders inside a package may have a package.json without a name, just for `"type": "module"`. */
function packageJsonName(bytes: Buffer): string | undefined {
  try {
    const parsed: unknown = JSON.parse(bytes.toString("utf8"));
    const name = typeof parsed === "object" && parsed !== null && "name" in parsed ? parsed.name : undefined;
    return typeof name === "string" && name !== "" ? name : undefined;
  } catch {
    return undefined;
  }
}
