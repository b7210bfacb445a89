import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KeptSites, SiteCache } from "../../src/secrets/site-cache.js";
import { temporaryFolder } from "../temporary-folder.js";

const KEY = "65024 12 345 1776846272000000000 1795794627531359296";
const FOUND: KeptSites = {
  kind: "found",
  sites: [{ kind: "keylog", offset: 352, rule: "calls", proof: [371, 371, 383, 383] }],
};
const NONE: KeptSites = { kind: "none", reason: "no TLS stack that is known" };

describe("the cache of sites", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = temporaryFolder();
    file = path.join(folder, "state", "sites.json");
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  function written(): SiteCache {
    const cache = SiteCache.at(file);
    cache.keep(KEY, FOUND);
    cache.keep(KEY.replace("12", "13"), NONE);
    cache.keepBuild("0123456789abcdef", FOUND);
    cache.save();
    return cache;
  }

  it("has what was kept, also that there is none, after a restart", () => {
    written();
    const cache = SiteCache.at(file);
    expect(cache.byKey(KEY)).toEqual(FOUND);
    expect(cache.byKey(KEY.replace("12", "13"))).toEqual(NONE);
    expect(cache.byBuildId("0123456789abcdef")).toEqual(FOUND);
    expect(cache.byKey(KEY.replace("345", "346"))).toBeUndefined();
  });

  it("is for its owner alone, and leaves no other file", () => {
    written();
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
    expect(fs.readdirSync(path.dirname(file))).toEqual(["sites.json"]);
  });

  it("is not written when nothing is new", () => {
    const cache = written();
    fs.rmSync(file);
    cache.save();
    expect(fs.existsSync(file)).toBe(false);
  });

  it("is whole when the writing did not work", () => {
    written();
    const before = fs.readFileSync(file, "utf8");
    const cache = SiteCache.at(file);
    cache.keep(KEY, NONE);
    fs.mkdirSync(`${file}.${process.pid}`);
    fs.writeFileSync(`${file}.${process.pid}/in-the-way`, "");
    expect(() => cache.save()).toThrow();
    expect(fs.readFileSync(file, "utf8")).toBe(before);
  });

  const change =
    (edit: (content: { version: number; files: unknown[]; builds: unknown }) => unknown) => () => {
      const content = JSON.parse(fs.readFileSync(file, "utf8"));
      fs.writeFileSync(file, JSON.stringify(edit(content) ?? content));
    };
  it.each([
    ["is not there", () => fs.rmSync(file)],
    ["is cut off", () => fs.truncateSync(file, 40)],
    ["is no JSON", () => fs.writeFileSync(file, "\0\0\0")],
    ["is null", () => fs.writeFileSync(file, "null")],
    ["is of another version", change((content) => void content.version++)],
    ["has no list", change((content) => ({ ...content, files: { [KEY]: FOUND } }))],
    ["can be written by others", () => fs.chmodSync(file, 0o666)],
    ["is larger than any of ours", () => fs.truncateSync(file, 9 * 1024 * 1024)],
    ["is a link", () => void [fs.renameSync(file, `${file}.other`), fs.symlinkSync(`${file}.other`, file)]],
    ["is a folder", () => void [fs.rmSync(file), fs.mkdirSync(file)]],
  ])("is empty when its file %s", (_what, spoil) => {
    written();
    spoil();
    expect(SiteCache.at(file).byKey(KEY)).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ["a site without proof", { kind: "found", sites: [{ kind: "keylog", offset: 1, rule: "calls" }] }],
    [
      "an offset that is none",
      { kind: "found", sites: [{ kind: "keylog", offset: -1, rule: "calls", proof: [] }] },
    ],
    ["no sites", { kind: "found", sites: [] }],
    ["a reason that is none", { kind: "none", reason: "\u001b[2J" }],
    ["another kind", { kind: "failed", reason: "x" }],
  ])("leaves out an entry with %s, and keeps the others", (_what, entry) => {
    written();
    change((content) => void content.files.push([KEY, entry], [17, FOUND], "x", ["nonsense", FOUND]))();
    const other = SiteCache.at(file);
    expect(other.byKey(KEY)).toEqual(FOUND);
    expect(other.byKey("nonsense")).toBeUndefined();
  });

  it("keeps those that were used last", () => {
    const cache = SiteCache.at(file);
    for (let i = 0; i < 9000; i++) cache.keep(`1 ${i} 3 4 5`, NONE);
    cache.save();
    const again = SiteCache.at(file);
    expect(again.byKey("1 0 3 4 5")).toBeUndefined();
    expect(again.byKey("1 8999 3 4 5")).toEqual(NONE);
    expect(fs.statSync(file).size).toBeLessThan(2 * 1024 * 1024);
  });
});
