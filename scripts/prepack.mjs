/**
 * Before `npm pack`: dist/ anew, with the packages that it imports in it, and prebuilds/ for all systems. After it (--undo):
 * dist/ as a checkout has it, importing from node_modules.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** Standard output is npm's: with --json it is read by a program. */
function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const undo = process.argv.includes("--undo");
rmSync(path.join(root, "dist"), { recursive: true, force: true });
run("npm", "run", "--silent", "build:ts");
run("npm", "run", "--silent", "build:ui");
if (!undo) {
  run(process.execPath, "scripts/prebuild.mjs");
  run(process.execPath, "scripts/bundle-dependencies.mjs");
}
