import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CREDENTIALS } from "./credentials.js";
import { secretsIn } from "./secrets-in.js";

/** A credential that no list names; what is masked shows eight characters and is not taken for one. */
const SHAPED =
  /\b(?:(?:sk-|gsk_|AIza)[\w-]{20}|(?:Bearer|Basic) (?=\S*\d)[\w.+/=-]{16}|eyJ[\w-]{8,}\.eyJ[\w-]{8})/i;

const MOST_TOLD = 40;

/** Variable with the folder of the run. */
export const RUN_FOLDER = "OXIMY_TESTS_FOLDER";

/**
 * Runs around the whole suite. All temporary files of a run are made in one folder and kept until its end, among
 * them homes, events and what `oximy` printed (`outputs-of-file.ts`, `built-oximy.ts`). Then they are searched for
 * credentials, and the run fails where one is found.
 */
export default function keepOutputs(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "oximy-tests-"));
  chmodSync(folder, 0o1777);
  process.env[RUN_FOLDER] = folder;
  return () => {
    const leaks = leaksIn(folder);
    if (leaks.length === 0) return rmSync(folder, { recursive: true, force: true });
    console.error(
      `credentials were written, which fails the run; all is kept in ${folder}\n${leaks.slice(0, MOST_TOLD).join("\n")}`,
    );
    // What a teardown throws is only shown.
    process.exitCode = 1;
  };
}

/** Where credentials stand in the files of a folder: the file, the line's number and beginning, whose it is. */
export function leaksIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => leaksOf(join(entry.parentPath, entry.name)));
}

function leaksOf(file: string): string[] {
  // Byte for byte: credentials are ASCII, and files need not be text.
  const text = readFileSync(file, "latin1");
  if (namesIn(text).length === 0) return [];
  return text
    .split("\n")
    .flatMap((line, index) =>
      namesIn(line).map((name) => `${file}:${index + 1}: ${name}: ${line.slice(0, 120)}`),
    );
}

function namesIn(text: string): string[] {
  const found = secretsIn(text, Object.values(CREDENTIALS));
  const names = Object.entries(CREDENTIALS).flatMap(([name, value]) => (found.includes(value) ? [name] : []));
  return names.length === 0 && SHAPED.test(text) ? ["a credential's shape"] : names;
}
