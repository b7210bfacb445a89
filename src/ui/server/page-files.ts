/** The files of the built page. */

import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { OximyError } from "../../errors.js";

export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
}

const TYPES: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

/** The build's output folder, both when this module runs from source and when compiled. */
const FOLDER = fileURLToPath(new URL("../../../dist/ui/page/", import.meta.url));

/**
 * All files by name; no other file can be requested.
 *
 * @throws OximyError OXIMY_E_FILE when the page was not built.
 */
export function readPageFiles(folder = FOLDER): ReadonlyMap<string, PageFile> {
  try {
    const names = readdirSync(folder).filter((name) => TYPES[extname(name)] !== undefined);
    const files = new Map(
      names.map((name) => [name, { type: TYPES[extname(name)]!, bytes: readFileSync(join(folder, name)) }]),
    );
    if (files.has("index.html")) return files;
    throw new Error("it has no index.html");
  } catch (cause) {
    throw new OximyError(
      "OXIMY_E_FILE",
      `The page is not in ${folder}: ${(cause as Error).message}.`,
      "In a clone, run: npm run build:ui. If it is installed as a package, reinstall it.",
      { cause },
    );
  }
}
