#!/usr/bin/env node
/** Runs the command line. */

import { CommanderError } from "commander";
import { endProcess } from "../supervisor/end-process.js";
import { endWithReader } from "./closed-pager.js";
import { createProgram } from "./program.js";
import { reportError } from "./report.js";

const WRONG_USAGE = 2;
/** Long-running commands: they continue when nobody reads their output any more. */
const SERVING = new Set(["local", "mcp", "proxy", "run", "ui"]);
/** They have temporary files to remove at their end. */
const CLEANING_UP = new Set(["demo"]);

const called = process.argv[2] ?? "";
if (!SERVING.has(called)) endWithReader(CLEANING_UP.has(called) ? "continue" : "exit");
try {
  const program = await createProgram(process.argv[2]);
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
  else process.exitCode = reportError(error, process.argv.includes("--json"));
}
// An open handle (a keep-alive socket, a timer) must not keep the process alive.
if (process.exitCode !== undefined) {
  if (SERVING.has(called)) endProcess(Number(process.exitCode));
  process.exit();
}
