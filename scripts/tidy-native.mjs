/**
 * clang-tidy over the C++ sources that are built on Linux, with the checks of .clang-tidy; and clang's analyzer, which
 * needs seconds for each, over those that changed since the main branch, though not in CI:
 *
 *   node scripts/tidy-native.mjs
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const out = path.join(root, "build-check", "tidy");

const FOLDERS = ["native", "native/linux", "native/linux/preload", "native/linux/sites", "native/none"];

/** Those of CMakeLists.txt, as far as they matter to what is parsed. */
const FLAGS = [
  ...["-std=c++17", "-Wall", "-Wextra", "-DNAPI_VERSION=8", "-DNAPI_CPP_EXCEPTIONS"],
  ...["-DNODE_ADDON_API_DISABLE_DEPRECATED", "-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS", `-I${root}/native`],
  ...["node-api-headers/include", "node-addon-api"].flatMap((name) => [
    "-isystem",
    path.join(root, "node_modules", name),
  ]),
];

/** Most of the time goes into the headers of libc and Node: so many sources are parsed with them at once. */
const MOST_AT_ONCE = 16;

const sourcesIn = (folder) =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith(".cc"))
    .map((name) => `${folder}/${name}`)
    .sort();

/** A folder's sources in parts of like size. */
function partsOf(folder) {
  const sources = sourcesIn(folder);
  const count = Math.ceil(sources.length / MOST_AT_ONCE);
  return Array.from({ length: count }, (_, part) => ({
    file: path.join(out, `${folder.replaceAll("/", "-")}-${part}.cc`),
    sources: sources.filter((_, index) => index % count === part),
  }));
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let printed = "";
    const keep = (text) => {
      printed += text;
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.on("error", reject);
    child.on("close", (code) => resolve({ ok: code === 0, printed }));
  });
}

/** One file that includes all of a part. What two of them define, each for itself, gets a name of its own in each. */
async function together(part, twice = []) {
  const lines = part.sources.flatMap((source, index) => [
    ...twice.map((name) => `#define ${name} ${name}_${index}`),
    `#include "${path.join(root, source)}"`,
    ...twice.map((name) => `#undef ${name}`),
  ]);
  writeFileSync(part.file, `${lines.join("\n")}\n`);
  const { printed } = await run("clang++", ["-fsyntax-only", ...FLAGS, part.file]);
  const more = [...printed.matchAll(/redefinition of '(\w+)'/g)].map(([, name]) => name);
  const names = new Set([...twice, ...more]);
  if (names.size > twice.length) await together(part, [...names]);
}

async function tidy(file, checks) {
  const { ok, printed } = await run("clang-tidy", ["--quiet", `--checks=${checks}`, file, "--", ...FLAGS]);
  if (!ok)
    console.error(printed.replaceAll(/^.*warnings? (?:and \d+ errors? )?generated\.\n/gm, "").trimEnd());
  return ok;
}

/** Sources of this work alone; none in CI, which looks at the whole tree within a minute, without the analyzer. */
function changed() {
  if (process.env.CI) return [];
  const git = (...args) => spawnSync("git", args, { cwd: root, encoding: "utf8" });
  const base = ["origin/main", "main"]
    .map((name) => git("merge-base", "HEAD", name))
    .find((of) => of.status === 0);
  if (base === undefined) return [];
  const names = git("diff", "--name-only", base.stdout.trim(), "--", ...FOLDERS).stdout.split("\n");
  const sources = FOLDERS.flatMap(sourcesIn);
  return sources.filter((source) => names.includes(source) && existsSync(path.join(root, source)));
}

mkdirSync(out, { recursive: true });
const parts = FOLDERS.flatMap(partsOf);
const analyzed = changed();
const jobs = [
  ...parts.map((part) => async () => {
    await together(part);
    return tidy(part.file, "-bugprone-suspicious-include");
  }),
  ...analyzed.map((source) => () => tidy(path.join(root, source), "-*,clang-analyzer-*")),
];
let failed = 0;
async function work() {
  for (let job = jobs.shift(); job; job = jobs.shift()) if (!(await job())) failed++;
}
try {
  await Promise.all(Array.from({ length: os.availableParallelism() }, work));
  const count = parts.flatMap((part) => part.sources).length;
  if (failed === 0)
    console.log(`clang-tidy: nothing in ${count} sources; the analyzer in ${analyzed.length}`);
} catch (error) {
  console.error(`clang-tidy: ${error.message}`);
  failed++;
}
process.exitCode = failed === 0 ? 0 : 1;
