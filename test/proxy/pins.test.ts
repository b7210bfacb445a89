import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PinBook } from "../../src/proxy/pins.js";

const HOUR = 3_600_000;
let folder: string;
let file: string;
let time: number;
let book: PinBook;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "oximy-pins-"));
  file = join(folder, "pins.json");
  time = Date.now();
  book = new PinBook(file, () => time);
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("the list of pins", () => {
  it("pins an app to a host after two refusals, for an hour", () => {
    expect(book.refused("cursor", "api.openai.com")).toBe(false);
    expect(book.isPinned("cursor", "api.openai.com")).toBe(false);
    expect(book.refused("cursor", "api.openai.com")).toBe(true);
    expect(book.isPinned("cursor", "api.openai.com")).toBe(true);
    time += HOUR - 1;
    expect(book.isPinned("cursor", "api.openai.com")).toBe(true);
    time += 1;
    expect(book.isPinned("cursor", "api.openai.com")).toBe(false);
    expect(book.list()).toEqual([]);
  });

  it("learns in memory when its file is out of reach, and says so when asked for the list", () => {
    symlinkSync("itself", join(folder, "itself"));
    const beyond = new PinBook(join(folder, "itself", "pins.json"), () => time);
    expect(beyond.isPinned("cursor", "api.openai.com")).toBe(false);
    beyond.refused("cursor", "api.openai.com");
    beyond.refused("cursor", "api.openai.com");
    expect(beyond.isPinned("cursor", "api.openai.com")).toBe(true);
    expect(() => beyond.list()).toThrow("ELOOP");
  });

  it("keeps apps and hosts apart", () => {
    book.refused("cursor", "api.openai.com");
    expect(book.refused("cursor", "api.anthropic.com")).toBe(false);
    expect(book.refused("zed", "api.openai.com")).toBe(false);
    book.refused("cursor", "api.openai.com");
    expect(book.isPinned("zed", "api.openai.com")).toBe(false);
    expect(book.isPinned("cursor", "api.anthropic.com")).toBe(false);
  });

  it("forgets a single refusal after an hour", () => {
    book.refused("cursor", "api.openai.com");
    time += HOUR;
    expect(book.refused("cursor", "api.openai.com")).toBe(false);
  });

  it("is kept in a file for its owner only, which another process reads and clears", () => {
    book.refused("cursor", "api.openai.com");
    book.refused("cursor", "api.openai.com");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const other = new PinBook(file, () => time);
    expect(other.list()).toEqual([{ app: "cursor", host: "api.openai.com", until: time + HOUR }]);
    other.clear();
    time += 1_000;
    expect(book.isPinned("cursor", "api.openai.com")).toBe(false);
  });

  it("starts empty when the file is not its own", () => {
    writeFileSync(file, "{ not a list");
    expect(book.list()).toEqual([]);
    expect(book.isPinned("cursor", "api.openai.com")).toBe(false);
  });
});
