/** `oximy doctor`: what this machine has and lacks for capture, and what to do. */

import type { Command } from "commander";
import { examine } from "../doctor/examine.js";
import type { Finding } from "../doctor/finding.js";
import { printable, printJson, printText } from "../terminal.js";
import { findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { captureSettings } from "./capture-options.js";

/** The exit code of errors about something missing on the machine (docs/errors.md). */
const LACKING = 4;

export function addDoctorCommand(program: Command): void {
  const command = program
    .command("doctor")
    .description("what this machine has and lacks for capture, and what to do")
    .option("--json", "print JSON", false);
  command.action(async () => {
    const invokingUser = findInvokingUser();
    const { settings } = captureSettings(command, oximyHome(process.env, invokingUser.home));
    const findings = await examine(settings, invokingUser);
    const ready = findings.every(({ level }) => level !== "missing");
    if (command.opts().json) printJson({ ready, findings }, 2);
    else printText(report(findings, ready));
    process.exitCode = ready ? 0 : LACKING;
  });
}

export function report(findings: readonly Finding[], ready: boolean): string {
  const width = Math.max(...findings.map(({ about }) => about.length));
  const lines = findings.flatMap(({ level, about, what, advice }) => [
    `${level.padEnd(7)}  ${about.padEnd(width)}  ${printable(what)}`,
    ...(advice === undefined ? [] : [`${" ".repeat(width + 9)}  → ${printable(advice)}`]),
  ]);
  return [...lines, "", ready ? "Capture works here." : "Capture does not work here yet."].join("\n");
}
