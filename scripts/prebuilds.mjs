/**
 * What is packed for whom: the systems of prebuilds/, and how each is compiled.
 *
 * glibc: 2.28 is what Node's own binaries for Linux want (BUILDING.md of Node 20 to 26), so that whatever runs these has
 * it. Without a version zig targets macOS 11.7, which runs on 12 and newer.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { codeSignature } from "./code-signature.mjs";
import { signedAdHoc } from "./sign-mach-o.mjs";
import { runZig } from "./zig.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);

export const ADDON = "oximy_native.node";
/** The search for TLS stacks; src/secrets/native.ts looks for it beside the addon. */
export const SEARCH = "oximy-sites";
/** What `oximy run` preloads; src/engine/preload.ts looks for it beside the addon. */
export const PRELOAD = "oximy-preload.so";

const LINUX = {
  addon: ["SOURCES", "LINUX_SOURCES", "SITE_SOURCES"],
  search: ["SITE_SOURCES", "SITE_SEARCH_SOURCES"],
  // zig refuses undefined symbols, which Node provides; what remains undefined is checked below.
  preload: ["PRELOAD_SOURCES"],
  link: ["-shared", "-Wl,-z,undefs", "-Wl,--version-script=native/linux/exports.map", "-s"],
};
const DARWIN = {
  addon: ["SOURCES", "DARWIN_SOURCES"],
  // Without symbols for debuggers and a name of its own the library would tell where it was built.
  // The load command of the signature needs room behind the others.
  link: [
    ...["-shared", "-undefined", "dynamic_lookup", "-s", "-install_name", `@rpath/${ADDON}`],
    "-Wl,-headerpad,80",
  ],
};

/** By the names of their folders in prebuilds/: process.platform and process.arch. */
export const SYSTEMS = {
  "linux-x64": { ...LINUX, target: "x86_64-linux-gnu.2.28" },
  "linux-arm64": { ...LINUX, target: "aarch64-linux-gnu.2.28" },
  "darwin-x64": { ...DARWIN, target: "x86_64-macos" },
  "darwin-arm64": { ...DARWIN, target: "aarch64-macos" },
};

/** CMakeLists.txt is the build; its lists are read, not repeated. */
function sourcesOf(lists) {
  const text = readFileSync(path.join(root, "CMakeLists.txt"), "utf8");
  return lists.flatMap((list) => {
    const [, body = ""] = new RegExp(`set\\(${list}\\s([^)]*)\\)`).exec(text) ?? [];
    return body.trim().split(/\s+/);
  });
}

/** As in CMakeLists.txt: it takes what the program has. */
const FREESTANDING = ["-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-fno-stack-protector"];

function compilerFlags({ target }) {
  const { include_dir: headers } = require("node-api-headers");
  const addonHeaders = path.dirname(require.resolve("node-addon-api/napi.h"));
  return [
    ...["c++", "-target", target, "-std=c++17", "-O2", "-fPIC", "-fvisibility=hidden"],
    ...["-Wall", "-Wextra", "-Werror"],
    ...["-DNAPI_VERSION=8", "-DNAPI_CPP_EXCEPTIONS", "-DNODE_ADDON_API_DISABLE_DEPRECATED"],
    "-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
    ...["-Inative", "-isystem", headers, "-isystem", addonHeaders],
  ];
}

/** Objects by their sources, compiled as many at a time as there are processors. */
async function compile(zig, system, sources, folder, more = []) {
  mkdirSync(folder, { recursive: true });
  const flags = [...compilerFlags(system), ...more];
  const objects = new Map(
    sources.map((source) => [source, path.join(folder, `${source.replaceAll("/", "_")}.o`)]),
  );
  const waiting = [...objects];
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      await runZig(zig, [...flags, "-c", next[0], "-o", next[1]]);
    }
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, work));
  } finally {
    waiting.length = 0; // after a failure the others stop, too
  }
  return objects;
}

/** zig's linker signs for arm64 alone, whose kernel refuses what is not signed; tools ask it of both. */
function sign(file) {
  const linked = readFileSync(file);
  if (codeSignature(linked) === "none") writeFileSync(file, signedAdHoc(linked, path.basename(file)));
}

/** Builds what the system has in prebuilds/NAME. Returns the files. */
export async function buildFor(name, zig) {
  const { target, addon, search = [], preload = [], link } = SYSTEMS[name];
  const folder = path.join(root, "prebuilds", name);
  mkdirSync(folder, { recursive: true });
  const sources = [...new Set(sourcesOf([...addon, ...search]))];
  const work = path.join(root, `build-${name}`);
  const objects = await compile(zig, SYSTEMS[name], sources, work);
  const objectsOf = (lists) => sourcesOf(lists).map((source) => objects.get(source));
  const built = [path.join(folder, ADDON)];
  await runZig(zig, ["c++", "-target", target, ...link, ...objectsOf(addon), "-o", built[0]]);
  if (name.startsWith("darwin-")) sign(built[0]);
  if (search.length > 0) {
    built.push(path.join(folder, SEARCH));
    await runZig(zig, ["c++", "-target", target, "-s", ...objectsOf(search), "-o", built[1]]);
  }
  if (preload.length > 0) {
    built.push(path.join(folder, PRELOAD));
    const own = await compile(zig, SYSTEMS[name], sourcesOf(preload), work, FREESTANDING);
    const exported = "-Wl,--version-script=native/linux/preload/exports.map";
    const how = ["-shared", "-nostdlib", "-Wl,-z,undefs", exported, "-Wl,--gc-sections", "-s"];
    await runZig(zig, ["c++", "-target", target, ...how, ...own.values(), "-o", built.at(-1)]);
  }
  return built;
}
