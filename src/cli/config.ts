/** `oximy config`: the effective options and their sources. */

import { join } from "node:path";
import type { Command } from "commander";
import { printable, printJson, printText } from "../terminal.js";
import { findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { type InForce, optionsInForce } from "./capture-options.js";
import { MANAGED_FILE } from "./managed-file.js";

export function addConfigCommand(program: Command): void {
  const command = program
    .command("config")
    .description("the effective options when no flag is given, and where each is set: root, variable or file")
    .option("--json", "print JSON", false);
  command.action(() => {
    const { json } = command.opts<{ json: boolean }>();
    const home = oximyHome(process.env, findInvokingUser().home);
    const rows = optionsInForce(home);
    if (json) printJson({ managed: MANAGED_FILE, file: join(home, "config.json"), options: rows }, 2);
    else printText(configTable(rows, join(home, "config.json")));
  });
}

/** Three columns, each as wide as its widest cell. */
export function configTable(rows: readonly InForce[], file: string): string {
  const from = ({ source, variable }: InForce) =>
    ({ managed: `${MANAGED_FILE} (fixed)`, variable, file, default: "default" })[source];
  const cells = rows.map((row) => [row.key, shown(row.value), from(row)].map(printable));
  const widths = [0, 1].map((column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map(([key, value, source]) => `${key!.padEnd(widths[0]!)}  ${value!.padEnd(widths[1]!)}  ${source}`)
    .join("\n");
}

function shown(value: unknown): string {
  return value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value);
}
