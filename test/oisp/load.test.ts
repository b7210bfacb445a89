import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type LoadOptions, loadBundle } from "../../src/oisp/load.js";
import { temporaryFolder } from "../temporary-folder.js";
import { serveHttp } from "./bundle-server.js";

const HOUR = 3_600_000;
const documentFor = (host: string): string => JSON.stringify({ domain_lookup: { [host]: "example" } });
const unreachable = "https://localhost:1/bundle.json";

async function serverOf(...documents: string[]): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  const url = await serveHttp((_, response) => {
    const document = documents[Math.min(asked++, documents.length - 1)]!;
    response.end(document);
  });
  return { url, asked: () => asked };
}

async function hostsOf(options: LoadOptions) {
  const { bundle, origin, note } = await loadBundle({ ...options, supplement: "none" });
  return { hosts: [...bundle.hosts.keys()], origin, noted: note !== undefined };
}

describe("a named file", () => {
  const fileWith = (text: string): string => {
    const file = join(temporaryFolder(), "bundle.json");
    writeFileSync(file, text);
    return file;
  };

  it("is all that is read", async () => {
    const loaded = await hostsOf({
      home: temporaryFolder(),
      file: fileWith(documentFor("a.example")),
      url: unreachable,
    });
    expect(loaded).toEqual({ hosts: ["a.example"], origin: "file", noted: false });
  });

  it.each([
    ["not JSON", "{", "OXIMY_E_BUNDLE_NOT_JSON"],
    ["without hosts", "{}", "OXIMY_E_BUNDLE_NO_HOSTS"],
    ["a list", "[]", "OXIMY_E_BUNDLE_NO_HOSTS"],
    ["empty", "", "OXIMY_E_BUNDLE_NOT_JSON"],
  ])("that is %s is an error that names it and says what to do", async (_, text, code) => {
    const file = fileWith(text);
    const loading = loadBundle({ home: temporaryFolder(), file });
    await expect(loading).rejects.toMatchObject({
      code,
      message: expect.stringContaining(file),
      advice: expect.stringContaining("--bundle-file"),
    });
  });

  it.each(["/nowhere/bundle.json", "/dev/zero", "/"])(
    "that cannot be read (%s) is an error",
    async (file) => {
      await expect(loadBundle({ home: temporaryFolder(), file })).rejects.toMatchObject({
        code: "OXIMY_E_BUNDLE_UNREADABLE",
      });
    },
  );
});

describe("a URL", () => {
  it("is asked once, and its document cached for its owner only", async () => {
    const home = join(temporaryFolder(), "new");
    const { url, asked } = await serverOf(documentFor("a.example"));
    expect(await hostsOf({ home, url })).toEqual({ hosts: ["a.example"], origin: "url", noted: false });
    expect(await hostsOf({ home, url })).toEqual({ hosts: ["a.example"], origin: "cache", noted: false });
    expect(asked()).toBe(1);
    expect(statSync(join(home, "bundle-cache.json")).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(home, "bundle-cache.json"), "utf8")).document).toBe(
      documentFor("a.example"),
    );
  });

  it("has a cache of its own", async () => {
    const home = temporaryFolder();
    const [one, two] = [await serverOf(documentFor("a.example")), await serverOf(documentFor("b.example"))];
    await loadBundle({ home, url: one.url });
    expect(await hostsOf({ home, url: two.url })).toMatchObject({ hosts: ["b.example"], origin: "url" });
  });

  it("is asked again when the cache is stale, or from the future", async () => {
    const home = temporaryFolder();
    const { url } = await serverOf(
      documentFor("a.example"),
      documentFor("b.example"),
      documentFor("c.example"),
    );
    await loadBundle({ home, url, now: () => 100 * HOUR });
    expect(await hostsOf({ home, url, now: () => 125 * HOUR })).toMatchObject({ hosts: ["b.example"] });
    expect(await hostsOf({ home, url, now: () => 99 * HOUR })).toMatchObject({ hosts: ["c.example"] });
  });

  it("that confirms the cached copy makes it fresh again", async () => {
    const home = temporaryFolder();
    const url = await serveHttp((request, response) => {
      if (request.headers["if-none-match"] === '"1"') response.writeHead(304).end();
      else response.setHeader("etag", '"1"').end(documentFor("a.example"));
    });
    await loadBundle({ home, url, now: () => 0 });
    expect(await hostsOf({ home, url, now: () => 30 * HOUR })).toMatchObject({
      hosts: ["a.example"],
      origin: "url",
    });
    expect(await hostsOf({ home, url, now: () => 50 * HOUR })).toMatchObject({
      hosts: ["a.example"],
      origin: "cache",
    });
  });

  it("that fails leaves a stale cache in use, with a note", async () => {
    const home = temporaryFolder();
    let isDown = false;
    const url = await serveHttp((_, response) =>
      response.writeHead(isDown ? 500 : 200).end(documentFor("a.example")),
    );
    await loadBundle({ home, url, now: () => 0 });
    isDown = true;
    const loaded = await hostsOf({ home, url, now: () => 30 * HOUR });
    expect(loaded).toEqual({ hosts: ["a.example"], origin: "stale_cache", noted: true });
  });

  it.each(["{", "{}", '{"domain_lookup":{"*":"x"}}'])(
    "that publishes %s is not believed: the embedded bundle is used, with a note",
    async (text) => {
      const { url } = await serverOf(text);
      const loaded = await hostsOf({ home: temporaryFolder(), url });
      expect(loaded).toMatchObject({ origin: "embedded", noted: true });
      expect(loaded.hosts).toContain("api.openai.com");
    },
  );

  it("that cannot be reached never stops the start", async () => {
    expect(await hostsOf({ home: temporaryFolder(), url: unreachable })).toMatchObject({
      origin: "embedded",
      noted: true,
    });
  });

  it("is used also when the home cannot be written", async () => {
    const home = temporaryFolder();
    mkdirSync(join(home, "bundle-cache.json"));
    const { url } = await serverOf(documentFor("a.example"));
    expect(await hostsOf({ home, url })).toEqual({ hosts: ["a.example"], origin: "url", noted: true });
  });

  it.each(["", "null", "[]", '{"url":1}', "x".repeat(1000)])(
    "with a broken cache (%s) is asked",
    async (text) => {
      const home = temporaryFolder();
      writeFileSync(join(home, "bundle-cache.json"), text);
      const { url } = await serverOf(documentFor("a.example"));
      expect(await hostsOf({ home, url })).toMatchObject({
        hosts: ["a.example"],
        origin: "url",
        noted: false,
      });
    },
  );

  it("with a cached document that cannot be read is asked for the whole document", async () => {
    const home = temporaryFolder();
    const url = await serveHttp((request, response) => {
      if (request.headers["if-none-match"]) response.writeHead(304).end();
      else response.end(documentFor("a.example"));
    });
    const cached = { url, etag: '"1"', loadedAt: Date.now(), document: "{" };
    writeFileSync(join(home, "bundle-cache.json"), JSON.stringify(cached));
    expect(await hostsOf({ home, url })).toMatchObject({ hosts: ["a.example"], origin: "url" });
  });
});
