/** `oximy demo`. */

import type { Command } from "commander";
import { runDemo } from "../demo/demo.js";
import { printText } from "../terminal.js";

export function addDemoCommand(program: Command): void {
  program
    .command("demo")
    .description("show a capture of real clients with a built-in AI server; needs no API key and no internet")
    .action(() => runDemo((line) => printText(line)));
}
