import { describe, expect, test } from "vitest";
import { createAppIndex, matchApp } from "../../src/attribution/match-app.js";
import { loadEmbedded } from "../../src/oisp/load.js";
import { app, ownerOf } from "./fake-processes.js";

const apps = [
  app("cursor", {
    linux: ["cursor"],
    bundleIds: ["com.todesktop.230313mzl4w4u92"],
    applicationIds: ["cursor"],
  }),
  app("claude-code", { linux: ["claude"], scripts: ["@anthropic-ai/claude-code"] }),
  app("opera", { linux: ["opera"], bundleIds: ["com.operasoftware.Opera"] }),
  app("granola", { bundleIds: ["com.granola.app"] }),
];
const index = createAppIndex(apps, "linux");
const match = (...chain: Parameters<typeof ownerOf>) => matchApp(ownerOf(...chain), index);

const cursor = { path: "/usr/share/cursor/cursor" };
const bash = { path: "/usr/bin/bash" };

describe("an app is matched", () => {
  test.each([
    ["bundle_id", { bundleId: "com.granola.app" }, "granola"],
    ["application_id", { applicationId: "cursor" }, "cursor"],
    ["executable", cursor, "cursor"],
    ["script", { path: "/usr/bin/node", packageName: "@anthropic-ai/claude-code" }, "claude-code"],
  ] as const)("by exact %s", (matchedBy, process, id) => {
    expect(match(process)).toMatchObject({ id, matchedBy });
  });

  test("by its own bundle id rather than by its executable", () => {
    expect(match({ ...cursor, bundleId: "com.granola.app" })).toMatchObject({ id: "granola" });
  });

  test("from the process up its ancestors", () => {
    expect(match({ path: "/usr/bin/curl" }, bash, cursor)).toMatchObject({
      id: "cursor",
      matchedBy: "executable",
    });
  });

  test("by the nearest process, and the app around it is kept beside", () => {
    const found = match({ path: "/home/a/.local/share/claude/versions/2.0.14" }, bash, cursor);
    expect(found).toMatchObject({ id: "claude-code", hostApp: { id: "cursor", matchedBy: "executable" } });
  });

  test("without a host app when only processes of the same app are above it", () => {
    expect(match(cursor, cursor)).not.toHaveProperty("hostApp");
  });
});

describe("a scope is inherited", () => {
  const inScope = { applicationId: "cursor", applicationIdFrom: "xdg" } as const;

  test("so an agent in the editor's terminal is the agent, in the editor", () => {
    const agent = { path: "/usr/bin/node", packageName: "@anthropic-ai/claude-code", ...inScope };
    const found = match(agent, { ...bash, ...inScope }, { path: "/opt/editor", ...inScope });
    expect(found).toMatchObject({
      id: "claude-code",
      hostApp: { id: "cursor", matchedBy: "application_id" },
    });
  });

  test("and a process whose ancestors have gone still belongs to it", () => {
    expect(match({ path: "/usr/bin/curl", ...inScope })).toMatchObject({ id: "cursor" });
  });
});

describe("no app is matched", () => {
  test.each([
    ["part of a path", { path: "/usr/lib/operations/bin/agent" }],
    ["a folder of the path", { path: "/home/opera/bin/agent" }],
    ["an app whose name ends alike", { path: "/Applications/NotGranola.app/Contents/MacOS/NotGranola" }],
    ["a bundle id that begins alike", { bundleId: "com.granola.app.helper" }],
    ["another case", { path: "/usr/bin/Opera" }],
    ["the kernel's short name, which any process can set", { name: "cursor" }],
  ])("by %s", (_, process) => {
    expect(match(process)).toBeUndefined();
  });

  test("by the name of an interpreter or shell, even when the bundle lists it", () => {
    const careless = createAppIndex([app("agent", { linux: ["node", "python3.12", "bash"] })], "linux");
    for (const path of ["/usr/bin/node", "/usr/bin/python3.12", "/bin/bash"]) {
      expect(matchApp(ownerOf({ path }), careless)).toBeUndefined();
    }
  });

  test("by a signature that two apps claim", () => {
    const shared = { bundleIds: ["com.microsoft.VSCode"] };
    const ambiguous = createAppIndex([app("vscode", shared), app("copilot", shared)], "darwin");
    expect(matchApp(ownerOf({ bundleId: "com.microsoft.VSCode" }), ambiguous)).toBeUndefined();
  });

  test("by executables of another system", () => {
    expect(matchApp(ownerOf(cursor), createAppIndex(apps, "darwin"))).toBeUndefined();
  });

  test("when the owner is unknown", () => {
    expect(matchApp({ kind: "unknown", reason: "timeout" }, index)).toBeUndefined();
  });
});

describe("in the embedded bundle", () => {
  const published = loadEmbedded().bundle.apps;

  test.each(published.map((entry) => [entry.id, entry] as const))(
    "%s is found by its signatures",
    (id, entry) => {
      for (const bundleId of entry.signatures.bundleIds) {
        expect(matchApp(ownerOf({ bundleId }), createAppIndex(published, "darwin"))).toMatchObject({ id });
      }
      for (const executable of entry.signatures.executables.linux) {
        const owner = ownerOf({ path: `/opt/x/${executable}` });
        expect(matchApp(owner, createAppIndex(published, "linux"))).toMatchObject({ id });
      }
    },
  );

  test.each([
    "/usr/lib/operations/bin/agent",
    "/home/u/bravery/bin/node",
    "/home/firefox-dev/bin/curl",
    "/Applications/SearchArc.app/Contents/MacOS/SearchArc",
    "/Applications/NotGranola.app/Contents/MacOS/NotGranola",
  ])("%s is no app", (path) => {
    for (const platform of ["linux", "darwin"] as const) {
      expect(matchApp(ownerOf({ path }), createAppIndex(published, platform))).toBeUndefined();
    }
  });
});
