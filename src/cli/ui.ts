/** `oximy ui`: a local page for captured events. */

import { join } from "node:path";
import type { Command } from "commander";
import { announcePort } from "../engine/page-ports.js";
import { OximyError } from "../errors.js";
import { printError, printText } from "../terminal.js";
import { openInBrowser } from "../ui/server/open-browser.js";
import { serveUi, type UiServer } from "../ui/server/server.js";
import { findInvokingUser } from "../user/invoking-user.js";
import { CA_CERTIFICATE_FILE, caDirectory, oximyHome } from "../user/settings.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";
import { portNumber } from "./proxy.js";
import { untilSignal } from "./signals.js";

export function addUiCommand(program: Command): void {
  const command = program
    .command("ui")
    .description("show captured events on a local page in the browser")
    .option("--port <port>", "port on loopback (any free one)", portNumber, 0)
    .option("--no-open", "print the address without opening a browser");
  addSomeOptions(command, "output_dir").action(async () => {
    const { port, open } = command.opts<{ port: number; open: boolean }>();
    const home = oximyHome(process.env, findInvokingUser().home);
    const folder = outputFolder(command, home);
    const server = await serve(port, folder, home);
    const withdraw = announcePort(home, server.port);
    try {
      printText(server.address);
      printError(`The page shows ${folder} until Ctrl-C. Do not share its address.`);
      const opened = open ? openInBrowser(home, server.address) : undefined;
      const signal = await untilSignal();
      opened?.();
      process.exitCode = signal === "SIGINT" ? 130 : 0;
    } finally {
      withdraw();
      await server.close();
    }
  });
}

async function serve(port: number, folder: string, home: string): Promise<UiServer> {
  try {
    const certificate = join(caDirectory(home), CA_CERTIFICATE_FILE);
    return await serveUi({ folder, port, certificate });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") {
      const message = `Port ${port} on 127.0.0.1 is taken by another program.`;
      throw new OximyError(
        "OXIMY_E_PORT_TAKEN",
        message,
        "Choose another one with --port, or leave it out.",
        {
          cause,
        },
      );
    }
    if (code === "EACCES") {
      const message = `Port ${port} may only be opened by root.`;
      throw new OximyError("OXIMY_E_PRIVILEGE", message, "Choose one above 1023 with --port.", { cause });
    }
    throw cause;
  }
}
