import { describe, expect, test } from "vitest";
import {
  entryPointOf,
  isInterpreter,
  nameEntryPoint,
} from "../../../src/attribution/identity/interpreter.js";
import { filesWith } from "../fake-processes.js";

const entry = (line: string, executable = line.split(" ")[0]?.split("/").at(-1) ?? "") =>
  entryPointOf(executable, line.split(" "));

describe("what an interpreter runs", () => {
  test.each([
    ["node /usr/bin/codex exec", "/usr/bin/codex"],
    ["node --max-old-space-size=8192 -r ./hook.js --import tsx server.ts --port 1", "server.ts"],
    ["node -- -odd.js", "-odd.js"],
    ["python3 /usr/bin/aider --model x", "/usr/bin/aider"],
    ["python3.12 -uB -W ignore -Xdev run.py -m no", "run.py"],
    ["bun run ./agent.ts", "./agent.ts"],
    ["bun --cwd /srv agent.ts", "agent.ts"],
    ["deno run --allow-net=api.openai.com -c deno.json main.ts", "main.ts"],
    ["java -Xmx1g -cp a.jar:b.jar -jar /opt/agent.jar --x", "/opt/agent.jar"],
    ["electron /usr/lib/obsidian/app.asar", "/usr/lib/obsidian/app.asar"],
  ])("%s: the file %s", (line, path) => {
    expect(entry(line)).toEqual({ kind: "file", path });
  });

  test.each([
    ["python3 -m vllm.entrypoints.openai.api_server --port 8", "vllm.entrypoints.openai.api_server"],
    ["python -um http.server", "http.server"],
    ["python -mpip install x", "pip"],
    ["bun x @anthropic-ai/claude-code@2.0.14 -p", "@anthropic-ai/claude-code"],
    ["deno run -A npm:@openai/codex@0.4/cli", "@openai/codex"],
    ["java -cp lib/* com.example.Agent -jar no.jar", "com.example.Agent"],
    ["java -p mods -m org.agent/org.agent.Main", "org.agent"],
  ])("%s: what is called %s", (line, name) => {
    expect(entry(line)).toEqual({ kind: "name", name });
  });

  test.each([
    "node",
    "node -",
    "node -e console.log(1) arg.js",
    "node --run dev",
    "python3 -c print(1) arg.py",
    "python3 -",
    "bun run dev",
    "bun install",
    "electron --type=utility --utility-sub-type=network.mojom.NetworkService",
    "java -version",
    "curl https://api.openai.com/x.js",
  ])("%s: nothing that has a name", (line) => {
    expect(entry(line)).toBeUndefined();
  });

  test("a title that a program gave itself stands in the place of its command line", () => {
    expect(entryPointOf("node", ["claude", "", ""])).toEqual({ kind: "name", name: "claude" });
    expect(entryPointOf("node", ["next-server (v14.2.3)"])).toEqual({ kind: "name", name: "next-server" });
    expect(entryPointOf("python3.11", ["/usr/bin/python3"])).toBeUndefined();
  });

  test.each([
    "node",
    "nodejs",
    "node-20",
    "python3",
    "python3.13t",
    "Python",
    "pypy3",
    "electron32",
    "Electron",
  ])("%s is an interpreter", (name) => expect(isInterpreter(name)).toBe(true));

  test.each(["nodemon", "pythonista", "node_exporter", "javac", "cursor"])(
    "%s is not an interpreter",
    (name) => {
      expect(isInterpreter(name)).toBe(false);
    },
  );
});

describe("the names of an entry point", () => {
  const name = (path: string, files: Parameters<typeof filesWith>[0] = {}, cwd?: string) =>
    nameEntryPoint({ kind: "file", path }, cwd, filesWith(files));

  test("the package of an installed script is told by its place", async () => {
    expect(await name("/usr/lib/node_modules/@google/gemini-cli/dist/index.js")).toEqual({
      script: "index.js",
      packageName: "@google/gemini-cli",
    });
    expect(await name("/srv/node_modules/a/node_modules/b/x.js")).toMatchObject({ packageName: "b" });
    expect(await name("/venv/lib/python3.12/site-packages/aider/main.py")).toMatchObject({
      packageName: "aider",
    });
  });

  test("links are followed, absolute and relative, and a circle ends", async () => {
    const files = {
      "/usr/bin/codex": { link: "/etc/alternatives/codex" },
      "/etc/alternatives/codex": { link: "../../opt/node_modules/@openai/codex/bin/codex.js" },
      "/a": { link: "/b" },
      "/b": { link: "/a" },
    };
    expect(await name("/usr/bin/codex", files)).toEqual({ script: "codex", packageName: "@openai/codex" });
    expect(await name("/a", files)).toEqual({ script: "a" });
  });

  test("otherwise the nearest package.json that has a name tells it", async () => {
    const files = {
      "/srv/bot/dist/package.json": '{"type":"module"}',
      "/srv/bot/package.json": '{"name":"bot"}',
    };
    expect(await name("/srv/bot/dist/main.js", files)).toEqual({ script: "main.js", packageName: "bot" });
    expect(await name(".", files, "/srv/bot")).toMatchObject({ packageName: "bot" });
    expect(await name("/srv/x.js", { "/srv/package.json": "{broken" })).toEqual({ script: "x.js" });
  });

  test.each([
    ["/opt/aider/__main__.py", "aider"],
    ["/usr/lib/obsidian/app.asar", "obsidian"],
    ["/opt/Signal/resources/app.asar", "Signal"],
    ["/opt/agent/", "agent"],
  ])("%s is called %s", async (path, script) => {
    expect(await name(path)).toEqual({ script });
  });

  test("an absolute script is not looked for below the process's folder", async () => {
    const files = { "/home/ana/package.json": '{"name":"ana"}', "/opt/bot/package.json": '{"name":"bot"}' };
    expect(await name("/opt/bot/x.js", files, "/home/ana")).toEqual({ script: "x.js", packageName: "bot" });
  });

  test("a relative script without a folder keeps its bare name", async () => {
    expect(await name("../bin/tool.py")).toEqual({ script: "tool.py" });
  });
});
