/** An MCP server from an app's configuration, with all secrets removed. Values in, values out. */

import { redactText } from "../../event/redact.js";
import { isObject, type JsonObject, listOf, objectOf, present, wordOf } from "../../interaction/json.js";

export interface ServerEntry {
  readonly name: string;
  readonly transport: "stdio" | "http" | "sse" | "unknown";
  /** The command line for display; values of variables and headers are left out. */
  readonly command?: string;
  /** Without query, user and password. */
  readonly url?: string;
  /** Names of the variables that are set for it. */
  readonly env: readonly string[];
  /** Names of the headers that are sent to it. */
  readonly headers: readonly string[];
  readonly disabled?: true;
  /** Set when it is run by `oximy mcp`, which records its calls. */
  readonly recorded?: true;
}

const MARK = "…REDACTED";

/** The servers in an object keyed by name. A malformed entry is listed by its name only. */
export function entriesOf(servers: unknown): ServerEntry[] {
  return Object.entries(objectOf(servers)).map(([name, server]) => entryOf(name, objectOf(server)));
}

function entryOf(name: string, server: JsonObject): ServerEntry {
  const command = wordOf(server.command);
  const args = listOf(server.args).map(String);
  // Gemini's `httpUrl`, Windsurf's `serverUrl`.
  const url = wordOf(server.httpUrl) ?? wordOf(server.serverUrl) ?? wordOf(server.url);
  return present<ServerEntry>({
    name: redactText(name),
    transport: transportOf(server, command, url),
    command: command === undefined ? undefined : commandLine([command, ...args]),
    url: command === undefined && url !== undefined ? publicUrl(url) : undefined,
    env: namesOf(server.env),
    // Codex: `http_headers`, and `env_http_headers` with names of variables.
    headers: [server.headers, server.http_headers, server.env_http_headers].flatMap(namesOf),
    disabled: server.disabled === true || server.enabled === false || undefined,
    recorded: isRecorded(command, args) || undefined,
  });
}

function transportOf(
  server: JsonObject,
  command: string | undefined,
  url: string | undefined,
): ServerEntry["transport"] {
  if (command !== undefined) return "stdio";
  if (url === undefined) return "unknown";
  const type = wordOf(server.type) ?? wordOf(server.transport);
  return type === "sse" ? "sse" : "http";
}

/** `oximy mcp -- …`, also as `npx oximy mcp -- …`. */
function isRecorded(command: string | undefined, args: readonly string[]): boolean {
  const words = [command ?? "", ...args];
  const at = words.findIndex((word) => /(^|\/)oximy(@[\w.-]+)?$/.test(word));
  return at >= 0 && words[at + 1] === "mcp";
}

const namesOf = (value: unknown): string[] => Object.keys(isObject(value) ? value : {}).map(redactText);

function commandLine(words: readonly string[]): string {
  const shown = words.map((word, at) => publicWord(word, words[at - 1]));
  // On the joined words, since the name of a flag decides how its value is redacted.
  return redactText(shown.map((word) => (/[\s"']/.test(word) ? JSON.stringify(word) : word)).join(" "));
}

/** `-e NAME=value` of docker and env, `--header "Name: value"` of mcp-remote, URLs. */
function publicWord(word: string, before: string | undefined): string {
  const variable = /^([A-Za-z_]\w*)=./.exec(word) ?? /^(--env=[A-Za-z_]\w*)=./.exec(word);
  if (variable) return `${variable[1]}=${MARK}`;
  if (before === "--header" || before === "-H") return `${word.split(":")[0]}: ${MARK}`;
  return /^https?:\/\//.test(word) ? publicUrl(word) : word;
}

/** Some URLs have keys in their path: segments that look like one are removed. */
function publicUrl(text: string): string {
  if (!URL.canParse(text)) return redactText(text.split(/[?#]/)[0]!);
  const { protocol, host, pathname } = new URL(text);
  const path = pathname
    .split("/")
    .map((segment) => (/^(?=.*\d)(?=.*[A-Za-z])[\w.~+=%-]{16,}$/.test(segment) ? MARK : segment))
    .join("/");
  return redactText(`${protocol}//${host}${path}`);
}
