/** The bundle that comes with the program (data/README.md tells where its facts are from). */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Parser } from "./bundle.js";
import { isRecord, parseDocument } from "./document.js";
import { parseParsers } from "./parse-parsers.js";

export const EMBEDDED_LOCATION = fileURLToPath(new URL("../../data/oisp-bundle.json", import.meta.url));

export function embeddedDocument(): string {
  return readFileSync(EMBEDDED_LOCATION, "utf8");
}

/** For bundles that bring no parsers. */
export function builtInParsers(): ReadonlyMap<string, Parser> {
  const document = parseDocument(embeddedDocument(), "The embedded bundle");
  return parseParsers(isRecord(document) ? document.parsers : {}, []);
}
