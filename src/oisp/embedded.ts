/** The bundle that ships with the program (data/README.md has the sources of its facts). */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Parser } from "./bundle.js";
import { type Entries, isRecord, parseDocument } from "./document.js";
import { parseParsers } from "./parse-parsers.js";

export const EMBEDDED_LOCATION = fileURLToPath(new URL("../../data/oisp-bundle.json", import.meta.url));

export function embeddedDocument(): string {
  return readFileSync(EMBEDDED_LOCATION, "utf8");
}

let entries: Entries | undefined;

/** The document's entries, parsed once. */
function embeddedEntries(): Entries {
  const document = entries ?? parseDocument(embeddedDocument(), "The embedded bundle");
  if (!isRecord(document)) throw new TypeError("data/oisp-bundle.json is not an object");
  entries = document;
  return document;
}

/** For bundles without parsers. */
export function builtInParsers(): ReadonlyMap<string, Parser> {
  return parseParsers(embeddedEntries().parsers, []);
}

/** For bundles whose feature has request patterns, but no parser. */
export function builtInFeatureParser(registry: "apps" | "websites", id: string, feature: string): unknown {
  const path = ["registry", registry, id, "features", feature, "parser"];
  return path.reduce<unknown>(
    (value, key) => (isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined),
    embeddedEntries(),
  );
}
