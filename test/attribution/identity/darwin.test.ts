import { build, buildBinary } from "plist";
import { describe, expect, test } from "vitest";
import {
  createDarwinIdentifier,
  enclosingApps,
  parseInfoPlist,
} from "../../../src/attribution/identity/darwin.js";
import type { FileReader } from "../../../src/attribution/identity/file-reader.js";
import { createAppIndex, matchApp } from "../../../src/attribution/match-app.js";
import { createProcessTree } from "../../../src/attribution/process-tree.js";
import { app, filesWith, processInfo } from "../fake-processes.js";

const xml = (id: string, name: string) =>
  build({ CFBundleIdentifier: id, CFBundleName: name, CFBundleShortVersionString: "1.2.3" });
const binary = (id: string, name: string) =>
  Buffer.from(
    buildBinary({ CFBundleIdentifier: id, CFBundleName: name, CFBundleShortVersionString: "1.2.3" }),
  );

/** Property lists as they stand in these apps; the helpers' own lists must not count. */
const files = filesWith({
  "/Applications/Comet.app/Contents/Info.plist": binary("ai.perplexity.comet", "Comet"),
  "/Applications/Comet.app/Contents/Frameworks/Comet Framework.framework/Versions/140.0/Helpers/Comet Helper.app/Contents/Info.plist":
    binary("ai.perplexity.comet.helper", "Comet Helper"),
  "/Applications/Granola.app/Contents/Info.plist": xml("com.granola.app", "Granola"),
  "/Applications/NotGranola.app/Contents/Info.plist": xml("com.example.notgranola", "NotGranola"),
  "/Applications/Cursor.app/Contents/Info.plist": xml("com.todesktop.230313mzl4w4u92", "Cursor"),
  "/Applications/Claude.app/Contents/Info.plist": binary("com.anthropic.claudefordesktop", "Claude"),
  "/Applications/ChatGPT.app/Contents/Info.plist": binary("com.openai.chat", "ChatGPT"),
  "/Applications/Pocket.app/WrappedBundle/Info.plist": binary("com.example.pocket", "Pocket"),
  "/Applications/Safari.app/Contents/Info.plist": binary("com.apple.Safari", "Safari"),
  "/System/Applications/Utilities/Terminal.app/Contents/Info.plist": binary("com.apple.Terminal", "Terminal"),
});
const identify = (path: string, commandLine: string[] = []) =>
  createDarwinIdentifier()(processInfo({ pid: 9, path, commandLine }), files);

describe("on macOS", () => {
  test.each([
    [
      "/Applications/Comet.app/Contents/Frameworks/Comet Framework.framework/Versions/140.0/Helpers/Comet Helper.app/Contents/MacOS/Comet Helper",
      "ai.perplexity.comet",
      "Comet",
    ],
    [
      "/Applications/Granola.app/Contents/Frameworks/Granola Helper.app/Contents/MacOS/Granola Helper",
      "com.granola.app",
      "Granola",
    ],
    [
      "/Applications/Cursor.app/Contents/Frameworks/Cursor Helper (Plugin).app/Contents/MacOS/Cursor Helper (Plugin)",
      "com.todesktop.230313mzl4w4u92",
      "Cursor",
    ],
    ["/Applications/Claude.app/Contents/MacOS/Claude", "com.anthropic.claudefordesktop", "Claude"],
    [
      "/Applications/ChatGPT.app/Contents/XPCServices/Updater.xpc/Contents/MacOS/Updater",
      "com.openai.chat",
      "ChatGPT",
    ],
    ["/Applications/Pocket.app/Wrapper/Pocket.app/Pocket", "com.example.pocket", "Pocket"],
    ["/Applications/NotGranola.app/Contents/MacOS/NotGranola", "com.example.notgranola", "NotGranola"],
  ])("%s belongs to %s", async (path, bundleId, bundleName) => {
    expect(await identify(path)).toEqual({ bundleId, bundleName, bundleVersion: "1.2.3" });
  });

  test("a folder that is only named like an app is passed over", async () => {
    const path = "/Users/ana/work.app/build/Claude.app/Contents/MacOS/Claude";
    expect(enclosingApps(path)).toEqual(["/Users/ana/work.app", "/Users/ana/work.app/build/Claude.app"]);
    expect(enclosingApps("/opt/x.apple/.app/tool.app")).toEqual([]);
    expect(await identify("/Users/ana/work.app/bin/tool")).toEqual({});
  });

  test("an agent on an interpreter is known by its script", async () => {
    expect(await identify("/opt/homebrew/bin/node", ["node", "/opt/homebrew/bin/gemini"])).toEqual({
      script: "gemini",
    });
  });

  test("a property list is read once, and again when it has changed", async () => {
    let reads = 0;
    let modifiedAt = 1;
    const counting: FileReader = {
      ...files,
      read: (path, limit) => {
        reads++;
        return files.read(path, limit);
      },
      modifiedAt: async () => modifiedAt,
    };
    const identifyCounting = createDarwinIdentifier();
    const claude = processInfo({ pid: 9, path: "/Applications/Claude.app/Contents/MacOS/Claude" });
    await identifyCounting(claude, counting);
    await identifyCounting(claude, counting);
    expect(reads).toBe(1);
    modifiedAt = 2;
    await identifyCounting(claude, counting);
    expect(reads).toBe(2);
  });

  test.each([
    ["nothing", ""],
    ["no property list", "<html>"],
    ["a binary list cut short", binary("com.openai.chat", "ChatGPT").subarray(0, 40)],
    ["a list without a bundle id", build({ CFBundleName: "X" })],
    ["a bundle id that is no text", build({ CFBundleIdentifier: 7 })],
  ])("%s names no bundle", async (_, bytes) => {
    expect(await parseInfoPlist(Buffer.from(bytes))).toBeUndefined();
  });
});

describe("the app on macOS", () => {
  const index = createAppIndex(
    [
      app("safari", { bundleIds: ["com.apple.Safari"] }),
      app("cursor", { bundleIds: ["com.todesktop.230313mzl4w4u92"] }),
      app("claude-code", { darwin: ["claude"] }),
      app("terminal", { bundleIds: ["com.apple.Terminal"] }),
    ],
    "darwin",
  );
  const processes = [
    processInfo({ pid: 10, path: "/Applications/Safari.app/Contents/MacOS/Safari" }),
    processInfo({
      pid: 11,
      path: "/System/Library/Frameworks/WebKit.framework/Versions/A/XPCServices/com.apple.WebKit.Networking.xpc/Contents/MacOS/com.apple.WebKit.Networking",
      responsiblePid: 10,
    }),
    processInfo({ pid: 20, path: "/Applications/Cursor.app/Contents/MacOS/Cursor" }),
    processInfo({ pid: 21, ppid: 20, path: "/bin/zsh", responsiblePid: 20 }),
    processInfo({
      pid: 22,
      ppid: 21,
      path: "/Users/ana/.local/share/claude/versions/2.0.14",
      responsiblePid: 20,
    }),
  ];
  const tree = createProcessTree(
    {
      implementation: "darwin",
      processInfo: (pid) => processes.find((process) => process.pid === pid) ?? null,
    },
    { files },
  );
  const appOf = async (pid: number) => matchApp((await tree.describe(pid))!, index);

  test("of a system service is that of the process responsible for it", async () => {
    expect(await appOf(11)).toMatchObject({ id: "safari", matchedBy: "bundle_id" });
  });

  test("of an agent in an editor's terminal is the agent, with the editor beside", async () => {
    expect(await appOf(22)).toMatchObject({ id: "claude-code", hostApp: { id: "cursor" } });
    expect(await appOf(21)).toMatchObject({ id: "cursor" });
  });
});
