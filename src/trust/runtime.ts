/** The TLS client of a process, by its executable and mapped files. Determines where it looks for roots. */

import { basename, executableName } from "../attribution/identity/identity.js";

export const RUNTIMES = [
  "node",
  "bun",
  "deno",
  "go",
  "java",
  "electron",
  "chromium",
  "firefox",
  "python",
  "ruby",
  "php",
  "perl",
  "dotnet",
  "curl",
  "wget",
  "git",
  "cargo",
  "codex",
  // By the TLS library alone:
  "openssl",
  "gnutls",
  "nss",
  "unknown",
] as const;

export type Runtime = (typeof RUNTIMES)[number];

/** Observations of an executable and its process. */
export interface RuntimeMarks {
  readonly path: string;
  /** Names of the ELF file's sections; empty when it is no ELF file, or unreadable. */
  readonly sections: ReadonlySet<string>;
  /** Names of the files beside the executable, if requested. */
  readonly beside: ReadonlySet<string>;
  /** Paths of the files mapped executable, if requested. */
  readonly mapped: readonly string[];
}

/** By the executable's own name. Interpreters have many: `python3.11`, `node18`. */
const BY_NAME: readonly (readonly [RegExp, Runtime])[] = [
  [/^(?:node|nodejs)(?:-?\d+)?$/, "node"],
  [/^bunx?$/, "bun"],
  [/^deno$/, "deno"],
  [/^(?:python|pypy)(?:\d+(?:\.\d+)*t?)?$/i, "python"],
  [/^ruby(?:\d+(?:\.\d+)*)?$/, "ruby"],
  [/^php(?:-fpm|-cgi)?(?:\d+(?:\.\d+)*)?$/, "php"],
  [/^perl(?:5[\d.]*)?$/, "perl"],
  [/^java$/, "java"],
  [/^dotnet$/, "dotnet"],
  [/^curl$/, "curl"],
  [/^wget$/, "wget"],
  [/^git(?:-remote-https?)?$/, "git"],
  [/^cargo$/, "cargo"],
  [/^codex$/, "codex"],
  [/^electron\d*$/i, "electron"],
  [/^(?:firefox(?:-bin|-esr)?|librewolf|thunderbird(?:-bin)?|zen(?:-bin)?)$/, "firefox"],
  [/^(?:chrome|google-chrome|chromium(?:-browser)?|brave|msedge|opera|vivaldi(?:-bin)?|comet)$/, "chromium"],
];

/** Traces of a build in its files, whatever their names. */
const GO_SECTIONS = [".gopclntab", ".go.buildinfo", ".note.go.buildid"];

/** By the executable alone; undefined when its mapped files are needed. */
export function runtimeOfExecutable({
  path,
  sections,
  beside,
}: Pick<RuntimeMarks, "path" | "sections" | "beside">): Runtime | undefined {
  // Bun puts the program that it runs into a section of this name (1.3 and newer): Claude Code, opencode.
  if (sections.has(".bun")) return "bun";
  if (GO_SECTIONS.some((name) => sections.has(name))) return "go";
  const isChromium =
    beside.has("icudtl.dat") && (beside.has("resources.pak") || beside.has("snapshot_blob.bin"));
  // https://www.electronjs.org/docs/latest/tutorial/application-distribution: the app is in `resources`.
  if (isChromium && beside.has("resources")) return "electron";
  const named = BY_NAME.find(([name]) => name.test(executableName(path).toLowerCase()))?.[1];
  if (named !== undefined) return named;
  return isChromium ? "chromium" : undefined;
}

const BY_LIBRARY: readonly (readonly [RegExp, Runtime])[] = [
  [/^libjvm\.so/, "java"],
  [/^libxul\.so/, "firefox"],
  [/^libcoreclr\.so/, "dotnet"],
  [/^libnode\.so/, "node"],
  [/^libpython\d[\d.]*\.so|^_ssl\.(?:cpython|abi3|pypy)[^/]*\.so/, "python"],
  [/^libruby(?:-[\d.]+)?\.so/, "ruby"],
  [/^libperl\.so/, "perl"],
  [/^libphp\d*\.so/, "php"],
  [/^libssl\.so/, "openssl"],
  [/^libgnutls\.so/, "gnutls"],
  [/^libssl3\.so/, "nss"],
];

/** By mapped files. Interpreters come first, since they map the TLS libraries. */
export function runtimeOfMappings(mapped: readonly string[]): Runtime {
  const names = mapped.map(basename);
  return BY_LIBRARY.find(([library]) => names.some((name) => library.test(name)))?.[1] ?? "unknown";
}

export function runtimeOf(marks: RuntimeMarks): Runtime {
  return runtimeOfExecutable(marks) ?? runtimeOfMappings(marks.mapped);
}
