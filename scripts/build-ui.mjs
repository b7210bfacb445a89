#!/usr/bin/env node
// Builds the page of `oximy ui` into dist/ui/page, with the licences of what is bundled into it.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("../src/ui/page/", import.meta.url));
const outDir = fileURLToPath(new URL("../dist/ui/page/", import.meta.url));

/** The packages that bundled modules are from, by their folders. */
function packagesOf(modules) {
  const folders = [...modules].map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]);
  return [...new Set(folders.filter(Boolean))].sort();
}

function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? `Licence: ${license}` : readFileSync(join(folder, file), "utf8").trim();
  return `${name} ${version} (${license})\n\n${text}\n`;
}

const licences = {
  name: "licences",
  generateBundle(_options, bundle) {
    const modules = Object.values(bundle).flatMap(({ moduleIds = [] }) => moduleIds);
    const source = packagesOf(modules)
      .filter(existsSync)
      .map(licenceOf)
      .join(`\n${"-".repeat(80)}\n\n`);
    this.emitFile({ type: "asset", fileName: "licences.txt", source });
  },
};

await build({
  root,
  base: "./",
  configFile: false,
  logLevel: "warn",
  plugins: [licences],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    // One file each: nothing is loaded later, nothing is preloaded by a script of the bundler's.
    modulePreload: false,
    assetsDir: "",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1_000,
  },
});
