import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { configuredServers } from "../../src/mcp/configured/configured-servers.js";
import { parseJsonWithComments } from "../../src/mcp/configured/json-with-comments.js";
import { entriesOf } from "../../src/mcp/configured/server-entry.js";
import { parseToml } from "../../src/mcp/configured/toml.js";
import { runOximy } from "../cli/oximy.js";
import { temporaryFolder } from "../temporary-folder.js";

let home: string;
beforeEach(() => {
  home = temporaryFolder();
});

function put(file: string, content: unknown): string {
  const path = join(home, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const server = { command: "npx", args: ["-y", "server"] };
const found = (system: "linux" | "darwin" = "linux", projects: string[] = []) =>
  configuredServers({ home, system, projects });

describe("each app's own file is read", () => {
  const json = (name: string, at: string) => ({ [at]: { [name]: server } });
  test.each<[string, string, unknown, ("linux" | "darwin")?]>([
    ["claude-code", ".claude.json", { numStartups: 3, ...json("one", "mcpServers") }],
    ["claude", ".config/Claude/claude_desktop_config.json", json("one", "mcpServers")],
    [
      "claude",
      "Library/Application Support/Claude/claude_desktop_config.json",
      json("one", "mcpServers"),
      "darwin",
    ],
    ["cursor", ".cursor/mcp.json", json("one", "mcpServers")],
    ["vscode", ".config/Code/User/mcp.json", json("one", "servers")],
    ["vscode", "Library/Application Support/Code/User/mcp.json", json("one", "servers"), "darwin"],
    ["vscode", ".config/Code/User/settings.json", { "editor.tabSize": 2, mcp: json("one", "servers") }],
    ["copilot-cli", ".copilot/mcp-config.json", json("one", "mcpServers")],
    [
      "codex",
      ".codex/config.toml",
      'model = "o3"\n[mcp_servers.one]\ncommand = "npx"\nargs = ["-y", "server"]\n',
    ],
    ["gemini-cli", ".gemini/settings.json", json("one", "mcpServers")],
    ["windsurf", ".codeium/windsurf/mcp_config.json", json("one", "mcpServers")],
  ])("%s: %s", (app, file, content, system) => {
    const path = put(file, content);
    expect(found(system)).toEqual({
      servers: [
        { app, file: path, name: "one", transport: "stdio", command: "npx -y server", env: [], headers: [] },
      ],
      unread: [],
    });
  });

  test("those of the folders that Claude Code knows, and of the one that it is asked in", () => {
    const [known, here] = [join(home, "known"), join(home, "here")];
    put(".claude.json", { projects: { [known]: { mcpServers: { local: server } }, relative: {} } });
    put("known/.mcp.json", { mcpServers: { shared: server } });
    put("known/.vscode/mcp.json", { servers: { editors: { type: "http", url: "https://example.com/mcp" } } });
    put("here/.cursor/mcp.json", { mcpServers: { cursors: server } });
    put("here/.codex/config.toml", '[mcp_servers]\n"a b" = { url = "https://example.com/mcp" }');
    put("other/.mcp.json", { mcpServers: { unseen: server } });
    expect(found("linux", [here]).servers.map(({ app, name, project }) => [app, name, project])).toEqual([
      ["claude-code", "local", known],
      ["claude-code", "shared", known],
      ["vscode", "editors", known],
      ["cursor", "cursors", here],
      ["codex", "a b", here],
    ]);
  });

  test("once, in the home folder itself", () => {
    put(".cursor/mcp.json", { mcpServers: { one: server } });
    expect(found("linux", [home]).servers).toHaveLength(1);
  });
});

describe("nothing secret is told", () => {
  const secret = "correct-horse-battery-7";
  test.each<[string, object, object]>([
    [
      "of variables the names",
      { command: "a", env: { API_KEY: secret, MODE: secret } },
      { env: ["API_KEY", "MODE"] },
    ],
    [
      "of headers the names",
      { url: "https://a.example/mcp", headers: { Authorization: secret } },
      { headers: ["Authorization"], transport: "http", url: "https://a.example/mcp" },
    ],
    [
      "also Codex's",
      {
        url: "https://a.example/mcp",
        http_headers: { "X-Key": secret },
        env_http_headers: { "X-More": "NAME" },
      },
      { headers: ["X-Key", "X-More"] },
    ],
    [
      "variables among arguments",
      { command: "docker", args: ["run", "-e", `TOKEN=${secret}`, "i"] },
      { command: "docker run -e TOKEN=…REDACTED i" },
    ],
    [
      "headers among arguments",
      { command: "npx", args: ["mcp-remote", "--header", `X-Key: ${secret}`] },
      { command: 'npx mcp-remote --header "X-Key: …REDACTED"' },
    ],
    [
      "secrets by the names of flags",
      { command: "a", args: ["--password", secret] },
      { command: "a --password correct-…REDACTED" },
    ],
    [
      "queries, users and what looks like a key in a URL",
      { url: `https://ana:${secret}@a.example/s/9f8e7d6c5b4a39281706/sse?key=${secret}` },
      { url: "https://a.example/s/…REDACTED/sse" },
    ],
    [
      "the same in arguments",
      { command: "npx", args: [`https://a.example/mcp?key=${secret}`] },
      { command: "npx https://a.example/mcp" },
    ],
  ])("%s", (_, entry, expected) => {
    const [told] = entriesOf({ one: entry });
    expect(told).toMatchObject(expected);
    expect(JSON.stringify(told)).not.toContain("horse");
  });
});

test.each<[string, object, object]>([
  ["Gemini's and Windsurf's names of a URL", { httpUrl: "https://a.example/" }, { transport: "http" }],
  ["the older transport", { type: "sse", url: "https://a.example/" }, { transport: "sse" }],
  ["that one is switched off", { command: "a", enabled: false }, { disabled: true }],
  ["that one is recorded", { command: "oximy", args: ["mcp", "--", "npx", "server"] }, { recorded: true }],
  [
    "that one is recorded by npx",
    { command: "npx", args: ["-y", "oximy", "mcp", "--", "a"] },
    { recorded: true },
  ],
  ["that Oximy's own server is not", { command: "oximy", args: ["mcp-server"] }, { transport: "stdio" }],
  ["what has no shape that is known", { command: 5 }, { transport: "unknown" }],
])("an entry tells %s", (_, entry, expected) => {
  expect(entriesOf({ one: entry })).toMatchObject([expected]);
});

describe("what cannot be read is told, and the rest is read", () => {
  const others = () => put(".cursor/mcp.json", { mcpServers: { one: server } });
  test.each<[string, (path: string) => void, string]>([
    ["no JSON", (path) => writeFileSync(path, "{ mcpServers: "), "it is not a JSON object"],
    ["a list", (path) => writeFileSync(path, "[]"), "it is not a JSON object"],
    ["nesting without end", (path) => writeFileSync(path, "[".repeat(100_000)), "it is not a JSON object"],
    ["a pipe", (path) => execFileSync("mkfifo", [path]), "it is not a regular file"],
    [
      "a link to a pipe",
      (path) => {
        execFileSync("mkfifo", [`${path}.pipe`]);
        symlinkSync(`${path}.pipe`, path);
      },
      "it is not a regular file",
    ],
    ["a link to a device", (path) => symlinkSync("/dev/zero", path), "it is not a regular file"],
    ["a folder", (path) => mkdirSync(path), "it is not a regular file"],
    ["a link to itself", (path) => symlinkSync(path, path), "it cannot be read (ELOOP)"],
    [
      "1 GB",
      (path) => {
        writeFileSync(path, "");
        truncateSync(path, 1 << 30);
      },
      "it has more than 16 MB",
    ],
  ])("%s", (_, make, why) => {
    others();
    const path = join(home, ".claude.json");
    // Nobody who looks through what the tests leave is to meet these.
    onTestFinished(() => rmSync(home, { recursive: true }));
    make(path);
    const { servers, unread } = found();
    expect(servers.map(({ name }) => name)).toEqual(["one"]);
    expect(unread).toEqual([{ file: path, why }]);
  });

  test("a link to a file is read, an empty file has none", () => {
    const path = put("dotfiles/mcp.json", { mcpServers: { one: server } });
    mkdirSync(join(home, ".cursor"));
    symlinkSync(path, join(home, ".cursor/mcp.json"));
    put(".claude.json", "\n");
    expect(found()).toMatchObject({ servers: [{ name: "one" }], unread: [] });
  });

  test("by the command, a line each", async () => {
    others();
    put(".codex/config.toml", "model = ");
    put(".gemini/settings.json", {
      mcpServers: { two: { httpUrl: "https://a.example/mcp", headers: { A: "b" } } },
    });
    const env = { HOME: home, OXIMY_HOME: join(home, ".oximy") };
    const [text, json] = await Promise.all([
      runOximy(["apps", "--mcp"], { env }),
      runOximy(["apps", "--mcp", "--json"], { env }),
    ]);
    expect(text.stdout).toContain(`cursor  ${join(home, ".cursor/mcp.json")}\n  one  stdio  npx -y server\n`);
    expect(text.stdout).toContain("  two  http   https://a.example/mcp  headers: A\n");
    expect(text.stderr).toBe(`${join(home, ".codex/config.toml")} was skipped: it is not TOML.\n`);
    expect(JSON.parse(json.stdout)).toMatchObject({
      servers: [
        { app: "cursor", name: "one" },
        { app: "gemini-cli", name: "two" },
      ],
      unread: [{ why: "it is not TOML" }],
    });
  });
});

test.each<[string, unknown]>([
  ['{"a": 1, // one\n /* two */ "b": [1, 2,], }', { a: 1, b: [1, 2] }],
  ['\ufeff{"a": "// no, /* no */ ,]"}', { a: "// no, /* no */ ,]" }],
  ['{"a": 1', undefined],
])("JSON with comments: %s", (text, value) => {
  expect(parseJsonWithComments(text)).toEqual(value);
});

describe("TOML", () => {
  test.each<[string, unknown]>([
    [
      'a = "x" # no\nb = true\nc = 1_000\nd = 1979-05-27 07:32:00',
      { a: "x", b: true, c: "1_000", d: "1979-05-27 07:32:00" },
    ],
    ["[a.b]\nc = 'x\\n'\n[a]\nd = false", { a: { b: { c: "x\\n" }, d: false } }],
    ['"a.b"."c d" = "\\"\\u00fc\\U0001F600\\t"', { "a.b": { "c d": '"ü😀\t' } }],
    ['a = [ "x", # one\n  ["y"],\n]\nb = { c = "z", "d" = [] }', { a: ["x", ["y"]], b: { c: "z", d: [] } }],
    ['a = """\nx\\\n   y""z"""\nb = \'\'\'x\ny\'\'\'', { a: 'xy""z', b: "x\ny" }],
    ['[[a]]\nb = 1\n[c]\nd = "x"', { c: { d: "x" } }],
    [
      '__proto__ = "x"\n[constructor]\nprototype = true',
      JSON.parse('{"__proto__":"x","constructor":{"prototype":true}}'),
    ],
    ["a = 1 b = 2", undefined],
    ['a = "x', undefined],
    ["a = 1\n[a.b]", undefined],
    ["[a", undefined],
    [`a = ${"[".repeat(100_000)}`, undefined],
  ])("%s", (text, value) => {
    const parsed = parseToml(text);
    expect(parsed === undefined ? parsed : JSON.parse(JSON.stringify(parsed))).toEqual(value);
  });
});
