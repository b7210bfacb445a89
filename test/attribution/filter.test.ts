import { describe, expect, test } from "vitest";
import { type FilterTerm, parseAppFilter, selects } from "../../src/attribution/filter.js";
import { unknownTermWarnings } from "../../src/attribution/filter-warnings.js";
import { createAppIndex, matchApp } from "../../src/attribution/match-app.js";
import type { AppMatch, Owner } from "../../src/connection/client.js";
import { OximyError } from "../../src/errors.js";
import { app, ownerOf } from "./fake-processes.js";

const apps = [
  app("cursor", { linux: ["cursor"], bundleIds: ["com.todesktop.230313mzl4w4u92"] }),
  app("claude-code", { linux: ["claude"] }),
];
const index = createAppIndex(apps, "linux");

const cursor = { pid: 10, uid: 501, path: "/usr/share/cursor/cursor" };
const clients = {
  cursor: ownerOf(cursor),
  claudeInCursor: ownerOf({ path: "/usr/bin/claude", uid: 501 }, { path: "/bin/bash" }, cursor),
  curlInCursor: ownerOf({ path: "/usr/bin/curl", uid: 501 }, cursor),
  curl: ownerOf({ pid: 70, startTime: 5, path: "/usr/bin/curl", uid: 502 }, { path: "/bin/bash" }),
  unknown: { kind: "unknown", reason: "timeout", uid: 502 } as Owner,
};
type Client = keyof typeof clients;

/** `cursor !claude` as terms: includes, and excludes with an exclamation mark. */
const terms = (line: string): FilterTerm[] =>
  line
    .split(" ")
    .filter(Boolean)
    .map((term) => (term[0] === "!" ? { sign: "exclude", term: term.slice(1) } : { sign: "include", term }));

const context = {
  uidOf: (user: string) => ({ ana: 501, bob: 502 })[user],
  startTimeOf: (pid: number) => (pid === 70 ? 5 : undefined),
};
const parse = (line: string, users: string[] = []) => parseAppFilter(terms(line), users, context);
const match = (owner: Owner): AppMatch | undefined => matchApp(owner, index);
const selected = (line: string, users?: string[]) => {
  const filter = parse(line, users);
  return Object.entries(clients).flatMap(([name, owner]) =>
    selects(filter, owner, match(owner)) ? [name] : [],
  );
};

describe("a container is selected by", () => {
  const id = "a1".repeat(32);
  const image = "docker.io/library/node:20";
  const compose = { project: "shop", service: "web" };
  const inside = (user: string) =>
    ownerOf({
      path: "/usr/bin/curl",
      uid: 501,
      user,
      container: { id, runtime: "docker", name: "Web", image, compose },
    });

  test.each<[string, boolean]>([
    ["container:web", true],
    ["container:docker.io/library/node:20", true],
    ["container:library/node:20", true],
    ["container:node:20", true],
    ["container:node", true],
    ["container:shop", true],
    [`container:${id}`, true],
    ["container:a1a1a1a1a1a1", true],
    ["container:a1a1", false],
    ["container:we", false],
    ["container:node:2", false],
    ["container:ode", false],
    ["!container:web", false],
    ["!container:other", true],
    ["!container:web curl", true],
    ["curl", true],
    ["web", false],
  ])("%s", (line, expected) => {
    expect(selects(parse(line), inside("node"), undefined)).toBe(expected);
  });

  test("its own user's name: numbers are other people's there", () => {
    const filter = parse("", ["ana"]);
    expect(selects(filter, inside("ana"), undefined)).toBe(true);
    expect(selects(filter, inside("node"), undefined)).toBe(false);
  });

  test("a term about containers leaves out what is in none", () => {
    expect(selected("container:web")).toEqual([]);
  });
});

describe("a filter selects", () => {
  test.each<[string, Client[]]>([
    ["", ["cursor", "claudeInCursor", "curlInCursor", "curl", "unknown"]],
    ["cursor", ["cursor", "claudeInCursor", "curlInCursor"]],
    ["Cursor", ["cursor", "claudeInCursor", "curlInCursor"]],
    ["claude-code", ["claudeInCursor"]],
    ["curl", ["curlInCursor", "curl"]],
    ["!cursor", ["curl"]],
    ["!curl !claude", ["cursor"]],
    ["cursor !claude", ["cursor", "curlInCursor"]],
    ["!cursor claude", ["claudeInCursor", "curl"]],
    ["cursor claude-code !curl", ["cursor", "claudeInCursor"]],
    ["pid:10", ["cursor", "claudeInCursor", "curlInCursor"]],
    ["path:/usr/bin/*", ["claudeInCursor", "curlInCursor", "curl"]],
    ["path:/usr/share/**", ["cursor", "claudeInCursor", "curlInCursor"]],
    ["path:**/cursor", ["cursor", "claudeInCursor", "curlInCursor"]],
    ["path:/usr/*", []],
    ["path:/usr/bin/c?rl", ["curlInCursor", "curl"]],
    ["path:/usr/bin/cur.", []],
    ["curs", []],
    ["com.todesktop.230313mzl4w4u92", []], // the processes here have no bundle id
  ])("by %s", (line, expected) => {
    expect(selected(line)).toEqual(expected);
  });

  test("clients of the named users, by name or id, also those that are otherwise unknown", () => {
    expect(selected("", ["bob"])).toEqual(["curl", "unknown"]);
    expect(selected("", ["501", "bob"])).toHaveLength(5);
    expect(selected("curl", ["ana"])).toEqual(["curlInCursor"]);
  });

  test("macOS apps by bundle id and by name", () => {
    const comet = ownerOf({ path: "/x/Comet Helper", bundleId: "ai.perplexity.comet", bundleName: "Comet" });
    for (const line of ["ai.perplexity.comet", "comet", "AI.Perplexity.Comet"]) {
      expect(selects(parse(line), comet, undefined)).toBe(true);
    }
  });

  test("by pid only the process that had it when the filter was made", () => {
    const later = ownerOf({ pid: 70, startTime: 6, path: "/usr/bin/ssh" });
    expect(selects(parse("pid:70"), clients.curl, undefined)).toBe(true);
    expect(selects(parse("pid:70"), later, undefined)).toBe(false);
  });
});

test.each(["pid:", "pid:x", "pid:0", "path:", "path:relative", " "])("the term %j cannot be read", (term) => {
  expect(() => parseAppFilter([{ sign: "include", term }], [], context)).toThrow(OximyError);
});

test("a user that does not exist is refused", () => {
  expect(() => parse("", ["eve"])).toThrow('there is no user "eve"');
});

describe("a term that matches nothing known", () => {
  const running = [{ pid: 10, path: "/usr/bin/firefox" }];
  const warnings = (line: string) => unknownTermWarnings(parse(line), apps, running);

  test("is warned about, with names that are near", () => {
    expect(warnings("curser")).toEqual([
      'No app of the bundle and no running process is called "curser". Did you mean cursor?',
    ]);
    expect(warnings("claude")).toEqual([]);
    expect(warnings("!claud")[0]).toContain("Did you mean claude, claude-code?");
    expect(warnings("zzz")).toEqual(['No app of the bundle and no running process is called "zzz".']);
  });

  test("is no app of the bundle and no running process", () => {
    expect(warnings("Cursor firefox path:/usr/bin/* com.todesktop.230313mzl4w4u92 pid:10")).toEqual([]);
    expect(warnings("pid:11 path:/opt/**")).toEqual([
      'No running process matches "pid:11" now.',
      'No running process matches "path:/opt/**" now.',
    ]);
  });
});
