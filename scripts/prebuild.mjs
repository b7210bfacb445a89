/**
 * Builds prebuilds/, the addon and what goes with it for each system that a package is for, and prebuilds/manifest.json.
 *
 *   node scripts/prebuild.mjs [--allow-missing] [SYSTEM …]
 *
 * Fails when one of them cannot be built; with --allow-missing, or OXIMY_ALLOW_MISSING=1, says which and packs the others.
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { checkBinary } from "./check-binary.mjs";
import { buildFor, SYSTEMS } from "./prebuilds.mjs";
import { installZig } from "./zig.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const folder = path.join(root, "prebuilds");

/** On standard error: standard output is npm's, which may write JSON to it. */
const say = (line) => console.error(`prebuild: ${line}`);

function described(name, file) {
  const bytes = readFileSync(file);
  chmodSync(file, 0o755);
  const needs = checkBinary(name, path.basename(file), bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return [path.basename(file), { sha256, size: bytes.length, needs }];
}

async function build(name, zig) {
  const started = Date.now();
  const files = (await buildFor(name, zig)).map((file) => described(name, file));
  say(`${name} in ${((Date.now() - started) / 1000).toFixed(0)} s`);
  return Object.fromEntries(files);
}

async function buildAll(names) {
  const systems = {};
  const missing = {};
  for (const name of names) {
    try {
      systems[name] = await build(name, installZig());
    } catch (error) {
      missing[name] = error.message;
      // What an older run left would be packed.
      rmSync(path.join(folder, name), { recursive: true, force: true });
    }
  }
  return { systems, missing };
}

const args = process.argv.slice(2);
const allowMissing = args.includes("--allow-missing") || process.env.OXIMY_ALLOW_MISSING === "1";
const wanted = args.filter((arg) => !arg.startsWith("-"));
const unknown = wanted.filter((name) => !(name in SYSTEMS));
if (unknown.length > 0) throw new Error(`there is no system ${unknown.join(", ")}`);

const { systems, missing } = await buildAll(wanted.length > 0 ? wanted : Object.keys(SYSTEMS));
const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
mkdirSync(folder, { recursive: true });
writeFileSync(path.join(folder, "manifest.json"), `${JSON.stringify({ version, systems }, null, 2)}\n`);
for (const [name, why] of Object.entries(missing)) say(`missing: ${name}: ${why}`);
if (Object.keys(missing).length > 0 && !allowMissing) {
  say("not all could be built. To pack without them: node scripts/prebuild.mjs --allow-missing");
  process.exitCode = 1;
}
