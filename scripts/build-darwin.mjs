/**
 * Cross-compiles the addon for macOS on Linux (x64), to prebuilds/darwin-arm64 and prebuilds/darwin-x64.
 *
 *   node scripts/build-darwin.mjs [arm64] [x64]
 *
 * Symbols that neither libSystem nor Node provides are an error, which the linker alone would not say.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { checkBinary } from "./check-binary.mjs";
import { buildFor } from "./prebuilds.mjs";
import { installZig } from "./zig.mjs";

async function build(zig, arch) {
  const started = Date.now();
  const [output] = await buildFor(`darwin-${arch}`, zig);
  checkBinary(`darwin-${arch}`, path.basename(output), readFileSync(output));
  console.log(`built ${path.relative("", output)} in ${((Date.now() - started) / 1000).toFixed(0)} s`);
}

const wanted = process.argv.slice(2);
const zig = installZig();
await Promise.all((wanted.length > 0 ? wanted : ["arm64", "x64"]).map((arch) => build(zig, arch)));
