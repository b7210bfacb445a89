/** The MCP servers in the configuration of a user's apps. Read-only, and what is read is bounded. */

import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { isObject, objectOf } from "../../interaction/json.js";
import { parseJsonWithComments } from "./json-with-comments.js";
import { type ConfigPlace, claudeFile, projectPlaces, userPlaces } from "./places.js";
import { entriesOf, type ServerEntry } from "./server-entry.js";
import { parseToml } from "./toml.js";

export interface ConfiguredServer extends ServerEntry {
  readonly app: string;
  readonly file: string;
  /** The folder that it applies to; absent when it applies to all. */
  readonly project?: string;
}

export interface UnreadFile {
  readonly file: string;
  readonly why: string;
}

export interface Configured {
  readonly servers: readonly ConfiguredServer[];
  /** Files that exist but cannot be used. */
  readonly unread: readonly UnreadFile[];
}

export interface ConfiguredOptions {
  readonly home: string;
  readonly system: "darwin" | "linux";
  readonly env?: NodeJS.ProcessEnv;
  /** Folders whose files are read in addition to those that Claude Code knows. */
  readonly projects?: readonly string[];
}

/** Claude Code's file holds more than its servers; some megabytes are usual. */
const MAX_FILE = 16 << 20;
const MAX_PROJECTS = 1_000;

type Outcome =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "absent" }
  | { readonly kind: "unread"; readonly why: string };

/** Reads with the rights of the current user. */
export function configuredServers({ home, system, env, projects = [] }: ConfiguredOptions): Configured {
  const servers: ConfiguredServer[] = [];
  const unread: UnreadFile[] = [];
  /** Each file is read once, even if several places refer to it. */
  const read = new Map<string, Outcome>();
  const contentOf = (file: string, format: ConfigPlace["format"]): unknown => {
    const known = read.get(file);
    const outcome = known ?? readConfig(file, format);
    read.set(file, outcome);
    if (outcome.kind === "unread" && known === undefined) unread.push({ file, why: outcome.why });
    return outcome.kind === "value" ? outcome.value : undefined;
  };
  const add = ({ app, file, format, at, project }: ConfigPlace) => {
    const found = at.reduce<unknown>((value, name) => objectOf(value)[name], contentOf(file, format));
    for (const entry of entriesOf(found)) {
      servers.push({ ...entry, app, file, ...(project !== undefined && { project }) });
    }
  };
  for (const place of userPlaces(home, system, env)) add(place);
  const claude = objectOf(objectOf(contentOf(claudeFile(home), "json")).projects);
  const known = Object.keys(claude).filter((folder) => isAbsolute(folder));
  for (const project of known.slice(0, MAX_PROJECTS)) {
    const at = ["projects", project, "mcpServers"];
    add({ app: "claude-code", file: claudeFile(home), format: "json", at, project });
  }
  for (const project of new Set([...known.slice(0, MAX_PROJECTS), ...projects])) {
    // In the home folder some of these are the user's own files, read above.
    const places = projectPlaces(project).filter(({ file }) => !read.has(file));
    for (const place of places) add(place);
  }
  return { servers, unread };
}

function readConfig(file: string, format: ConfigPlace["format"]): Outcome {
  const text = readBounded(file);
  if (text.kind !== "value") return text;
  // Some apps create an empty file when they are first started.
  if (text.value.trim() === "") return { kind: "absent" };
  const value = format === "toml" ? parseToml(text.value) : parseJsonWithComments(text.value);
  if (!isObject(value))
    return { kind: "unread", why: `it is not ${format === "toml" ? "TOML" : "a JSON object"}` };
  return { kind: "value", value };
}

/** Follows links, as the app does; never opens a pipe or a device, even behind a link. */
function readBounded(
  file: string,
): Extract<Outcome, { kind: "absent" | "unread" }> | { kind: "value"; value: string } {
  let fd: number | undefined;
  try {
    if (!statSync(file).isFile()) return { kind: "unread", why: "it is not a regular file" };
    // It may have been replaced by a pipe meanwhile, so opening must not block.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const { size } = fstatSync(fd);
    if (!fstatSync(fd).isFile()) return { kind: "unread", why: "it is not a regular file" };
    if (size > MAX_FILE) return { kind: "unread", why: `it has more than ${MAX_FILE >> 20} MB` };
    const bytes = Buffer.alloc(size);
    let length = 0;
    while (length < size) {
      const count = readSync(fd, bytes, length, size - length, null);
      if (count === 0) break;
      length += count;
    }
    return { kind: "value", value: bytes.toString("utf8", 0, length) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
    return { kind: "unread", why: `it cannot be read (${code ?? message})` };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
