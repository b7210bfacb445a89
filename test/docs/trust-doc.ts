/** The table by runtime in docs/trust.md, made of the rows that test/trust/program-rows.test.ts measures. */

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

/** The page with its table made anew. */
export function trustDoc(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end === -1) throw new Error("docs/trust.md has no place for the table");
  return page.slice(0, begin) + trustTable() + page.slice(end + END.length);
}
