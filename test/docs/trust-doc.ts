/** The tables by runtime in docs/trust.md, made of the rows that test/trust/program-rows.test.ts measures. */

import { ROWS, type Row, type Setting } from "../trust/program-rows.js";

const BEGIN = "<!-- made of test/trust/program-rows.ts: UPDATE_DOCS=1 npx vitest run test/docs -->";
const END = "<!-- end of what is made -->";

const SETTINGS = {
  ours: "our certificate",
  bundle: "system's roots and ours",
  other: "another certificate",
  "our folder": "folder with ours",
  "other folder": "folder without ours",
} as const;

const STORES: Record<Row["store"], string> = {
  none: "none",
  system: "system",
  browser: "its NSS database",
  java: "Java's cacerts",
  later: "system, after its start",
};

function settingText(setting: Setting): string {
  return typeof setting === "object" ? `=${setting.value}` : `: ${SETTINGS[setting]}`;
}

function rowText({ program, store, environment = {}, options = [], predicted, accepted }: Row): string {
  const told = [
    ...Object.entries(environment).map(([name, value]) =>
      typeof value === "object" ? `\`${name}${settingText(value)}\`` : `\`${name}\`${settingText(value)}`,
    ),
    ...options.map((option) => `\`${option}\``),
  ];
  return `| ${[program, STORES[store], told.join(", "), predicted, accepted ? "accepted" : "refused"].join(" | ")} |`;
}

export function trustTable(): string {
  const head = [
    "| program | our certificate is in | it was told | predicted | what happened |",
    "|---|---|---|---|---|",
  ];
  return [BEGIN, "", ...head, ...ROWS.map(rowText), "", END].join("\n");
}

const isBare = ({ environment = {}, options = [] }: Row) =>
  Object.keys(environment).length + options.length === 0;

/** A store, or a setting, or both, by which a program came to accept our certificate. */
function wayOf(row: Row): string | undefined {
  const { program, store, environment = {}, options = [], accepted } = row;
  const settings = Object.entries(environment);
  const namesOurs = settings.some(
    ([, setting]) => setting === "ours" || setting === "bundle" || setting === "our folder",
  );
  if (!accepted || (store === "none" && !namesOurs)) return undefined;
  const told = [
    ...settings.map(([name, value]) =>
      typeof value === "object" ? `\`${name}=${value.value}\`` : `\`${name}\``,
    ),
    ...options.map((option) => `\`${option}\``),
  ].join(" and ");
  if (store === "none") return told;
  if (isBare(row)) return store === "later" ? undefined : STORES[store];
  // What a program takes from its store anyway needs no setting.
  const needsSetting = ROWS.some(
    (other) => other.program === program && other.store === store && isBare(other) && !other.accepted,
  );
  return needsSetting ? `${STORES[store]} with ${told}` : undefined;
}

/** What makes each runtime trust us. Its versions are named where not all do the same. */
export function runtimeTable(): string {
  const runtimes = new Map<string, { versions: Set<string>; ways: Map<string, Set<string>> }>();
  for (const row of ROWS) {
    const [, name, version = ""] = /^(.*?)(?: ([\d.]+))?$/.exec(row.program)!;
    const runtime = runtimes.get(name!) ?? { versions: new Set(), ways: new Map() };
    runtimes.set(name!, runtime);
    runtime.versions.add(version);
    const way = wayOf(row);
    if (way !== undefined) runtime.ways.set(way, (runtime.ways.get(way) ?? new Set()).add(version));
  }
  for (const { ways } of runtimes.values()) {
    for (const way of ways.keys())
      if (way.split(" and ").some((part) => part !== way && ways.has(part))) ways.delete(way);
  }
  const lines = [...runtimes].map(([name, { versions, ways }]) => {
    const texts = [...ways].map(([way, of]) =>
      of.size === versions.size ? way : `${way} (${[...of].join(", ")})`,
    );
    return `| ${name} | ${[...versions].join(", ")} | ${texts.join("; ")} |`;
  });
  return [
    BEGIN,
    "",
    "| runtime | versions | accepts our certificate from |",
    "|---|---|---|",
    ...lines,
    "",
    END,
  ].join("\n");
}

/** The page with its tables made anew. */
export function trustDoc(page: string): string {
  let done = "";
  let rest = page;
  for (const table of [runtimeTable(), trustTable()]) {
    const begin = rest.indexOf(BEGIN);
    const end = rest.indexOf(END);
    if (begin === -1 || end === -1) throw new Error("docs/trust.md has no place for the table");
    done += rest.slice(0, begin) + table;
    rest = rest.slice(end + END.length);
  }
  return done + rest;
}
