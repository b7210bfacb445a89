/** The bundle that comes with the program (data/README.md tells where its facts are from). */

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

/** The document's entries, read once. */
function embeddedEntries(): Entries {
  const document = entries ?? parseDocument(embeddedDocument(), "The embedded bundle");
  if (!isRecord(document)) throw new TypeError("data/oisp-bundle.json is no map");
  entries = document;
  return document;
}

/** For bundles that bring no parsers. */
export function builtInParsers(): ReadonlyMap<string, Parser> {
  return parseParsers(embeddedEntries().parsers, []);
}

/** For bundles whose feature says which requests it is, but not how to read them. */
export function builtInFeatureParser(registry: "apps" | "websites", id: string, feature: string): unknown {
  const path = ["registry", registry, id, "features", feature, "parser"];
  return path.reduce<unknown>(
    (value, key) => (isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined),
    embeddedEntries(),
  );
}
