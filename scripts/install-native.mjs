/**
 * Puts the native addon in place: the packed one if it fits and is what prebuilds/manifest.json says, else a build from
 * native/ with cmake-js where cmake is installed, else with the node-gyp that comes with npm. Nothing is downloaded.
 *
 * As npm's "install" script it ends with 0 and a warning when the addon cannot be built, so that `npm install`
 * does not break where Oximy is only used as a library. With `--build` that is a failure.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const ADDON = "oximy_native.node";
const prebuilds = path.join(root, "prebuilds");
const built = path.join(root, "build", "Release", ADDON);
const log = path.join(root, "build", "install-native.log");
const mustBuild = process.argv.includes("--build");

const say = (line) => console.log(`oximy: ${line}`);

/** In a process of its own: a binary that crashes while it loads must not take the installation with it. */
function loads(file) {
  if (!existsSync(file)) return false;
  return (
    spawnSync(process.execPath, ["-e", "require(process.argv[1])", file], { stdio: "ignore" }).status === 0
  );
}

/** Why the packed files of this folder are not used; undefined when all are as the manifest says and the addon loads. */
function whyUnfit(name) {
  const folder = path.join(prebuilds, name);
  for (const [file, { sha256 }] of Object.entries(manifest().systems[name])) {
    const packed = path.join(folder, file);
    if (!existsSync(packed)) return `${file} is missing`;
    const found = createHash("sha256").update(readFileSync(packed)).digest("hex");
    if (found !== sha256)
      return `${file} is not what was packed (prebuilds/manifest.json has another SHA-256)`;
  }
  return loads(path.join(folder, ADDON)) ? undefined : "it does not load here";
}

/** Empty in a checkout. */
function manifest() {
  const file = path.join(prebuilds, "manifest.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

/** Of prebuilds/, as src/native/native.ts chooses it. */
function packedName() {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === "linux" && /\/ld-musl-/.test(readFileSync("/proc/self/maps", "latin1"))
    ? `${name}-musl`
    : name;
}

function newestChange(entry) {
  const stat = statSync(entry);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(entry).map((name) => newestChange(path.join(entry, name))));
}

function isUpToDate() {
  if (!existsSync(built)) return false;
  const sources = ["native", "CMakeLists.txt", "binding.gyp"].map((name) =>
    newestChange(path.join(root, name)),
  );
  return statSync(built).mtimeMs > Math.max(...sources) && loads(built);
}

function runs(command) {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
}

/** cmake-js takes the headers from the package node-api-headers ("binary".napi_versions in package.json). */
function cmakeBuilder() {
  if (!runs("cmake")) return undefined;
  try {
    return { name: "cmake-js", args: [require.resolve("cmake-js/bin/cmake-js"), "build"] };
  } catch {
    return undefined; // cmake-js is not installed: node-gyp is the other way
  }
}

/** node-gyp would download Node's headers unless it is told where they are. */
function headersDirectory() {
  const beside = path.resolve(realpathSync(process.execPath), "..", "..");
  return [process.env.npm_config_nodedir, beside].find(
    (directory) => directory && existsSync(path.join(directory, "include", "node", "common.gypi")),
  );
}

function nodeGypBuilder() {
  const bundled = ["../lib/node_modules", "../../lib/node_modules", "node_modules"].map((modules) =>
    path.resolve(
      path.dirname(realpathSync(process.execPath)),
      modules,
      "npm/node_modules/node-gyp/bin/node-gyp.js",
    ),
  );
  const script = [process.env.npm_config_node_gyp, ...bundled].find((file) => file && existsSync(file));
  const headers = headersDirectory();
  if (!script || !headers) return undefined;
  return { name: "node-gyp", args: [script, "rebuild", `--nodedir=${headers}`] };
}

function build({ name, args }) {
  say(`building the native addon with ${name} …`);
  const started = Date.now();
  // `npm --silent` would hide node-gyp's reason too.
  const env = { ...process.env, npm_config_loglevel: "error" };
  const result = spawnSync(process.execPath, args, { cwd: root, env, encoding: "utf8", maxBuffer: 1 << 28 });
  const output = `${result.stdout}${result.stderr}`;
  mkdirSync(path.dirname(log), { recursive: true });
  writeFileSync(log, output);
  if (result.status === 0 && loads(built)) {
    say(`built ${path.relative(root, built)} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    return true;
  }
  say(`${name} failed${result.error ? `: ${result.error.message}` : ""}. Its output:\n${output}`);
  return false;
}

const ADVICE = {
  linux:
    "install a C++17 compiler, cmake and make, for example: sudo apt-get install g++ cmake make  (Fedora: gcc-c++ cmake make, Alpine: g++ cmake make linux-headers)",
  darwin: "install Apple's command line tools: xcode-select --install",
};

function giveUp(reason) {
  say(`the native addon is missing: ${reason}`);
  say(`what to do: ${ADVICE[process.platform] ?? "Oximy runs on Linux and macOS only"}`);
  say("then run: npm run build:native");
  say("until then, apps cannot be named and `oximy local` does not start.");
  process.exitCode = mustBuild ? 1 : 0;
}

/** Whether a packed addon is to be used. One that is broken is removed: it would be loaded where no other can be built. */
function takesPacked() {
  const name = packedName();
  if (manifest().systems?.[name] === undefined) {
    say("nothing is packed for this system");
    return false;
  }
  const why = whyUnfit(name);
  if (why === undefined) {
    say(`using ${path.join("prebuilds", name, ADDON)}`);
    return true;
  }
  say(`prebuilds/${name} is not used: ${why}`);
  rmSync(path.join(prebuilds, name), { recursive: true, force: true });
  return false;
}

function install() {
  // What was built here goes first, for who loads it, too.
  if (!mustBuild && !existsSync(built) && existsSync(prebuilds) && takesPacked()) return;
  if (isUpToDate()) return say(`${path.relative(root, built)} is up to date`);
  const builders = [cmakeBuilder(), nodeGypBuilder()].filter((builder) => builder !== undefined);
  if (builders.length === 0) return giveUp("neither cmake nor node-gyp with Node's headers was found");
  if (!builders.some(build)) giveUp(`it could not be built (${path.relative(root, log)} has the output)`);
}

install();
