#!/usr/bin/env node
// Builds the page of `oximy ui` into dist/ui/page, with the licences of what is bundled into it.

import { fileURLToPath } from "node:url";
import { build } from "vite";
import { joined, licenceOf, packagesOf } from "./licences.mjs";

const root = fileURLToPath(new URL("../src/ui/page/", import.meta.url));
const outDir = fileURLToPath(new URL("../dist/ui/page/", import.meta.url));

const licences = {
  name: "licences",
  generateBundle(_options, bundle) {
    const modules = Object.values(bundle).flatMap(({ moduleIds = [] }) => moduleIds);
    const source = joined(packagesOf(modules).map(licenceOf));
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
