/**
 * The layout of the C++ sources, as .clang-format has it: part of `npm run lint`; with `--write`, of `npm run format`.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import clangFormat from "clang-format";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

const sources = ["native", "test/native"]
  .flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true }).map((name) => `${folder}/${name}`),
  )
  .filter((file) => /\.(cc|h)$/.test(file));

/** The one that the package brings, so that everybody has the same; undefined where it brings none, as for arm64. */
function binary() {
  try {
    return clangFormat.getNativeBinary();
  } catch {
    return undefined;
  }
}

const command = binary();
if (command === undefined) {
  console.error("lint: there is no clang-format for this system: the C++ sources were not checked");
} else {
  const options = process.argv.includes("--write") ? ["-i"] : ["--dry-run", "--Werror"];
  const { status, error } = spawnSync(command, [...options, ...sources], { cwd: root, stdio: "inherit" });
  if (error) console.error(`lint: ${command}: ${error.message}`);
  else if (status !== 0) console.error("lint: the C++ sources are laid out by npm run format");
  process.exitCode = status === 0 ? 0 : 1;
}
