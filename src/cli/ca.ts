/** `oximy ca` and `oximy env`: the certificate authority and how programs are told to trust it. */

import type { Command } from "commander";
import { asCaller, findCaller } from "../local/caller.js";
import { caDirectory, oximyHome } from "../local/settings.js";
import { proxyEnvironment, trustEnvironmentOver } from "../local/trust-environment.js";
import { openCa } from "../proxy/ca.js";
import { print } from "../terminal.js";
import { addTrustCommands } from "./ca-trust.js";
import { portNumber } from "./proxy.js";

const open = () => {
  const caller = findCaller();
  return asCaller(caller, () => openCa(caDirectory(oximyHome(process.env, caller.home))));
};

export function addCaCommand(program: Command): void {
  const ca = program.command("ca").description("the certificate authority of this installation");
  ca.command("path")
    .description("print the path of the certificate (made on first use)")
    .action(() => console.log(open().certificatePath));
  ca.command("show")
    .description("print what the certificate says")
    .action(() => {
      const { certificate, certificatePath } = open();
      const lines = [
        ["path", certificatePath],
        ["subject", certificate.subject.replaceAll("\n", ", ")],
        ["valid", `${certificate.validFrom} to ${certificate.validTo}`],
        ["key", "ECDSA P-256"],
        ["sha256", certificate.fingerprint256],
      ];
      for (const [name, value] of lines) print(`${name!.padEnd(8)} ${value}`);
    });
  addTrustCommands(ca);
}

export function addEnvCommand(program: Command): void {
  const command = program
    .command("env")
    .description('print variables that make programs trust the certificate: eval "$(oximy env)"')
    .option("--proxy <port>", "also point programs at an explicit proxy on this port", portNumber);
  command.action(() => {
    const { certificatePath, certificatePem } = open();
    const { proxy } = command.opts<{ proxy?: number }>();
    const variables = {
      ...asCaller(findCaller(), () => trustEnvironmentOver(process.env, certificatePath, certificatePem)),
      ...(proxy === undefined ? {} : proxyEnvironment(proxy)),
    };
    for (const [name, value] of Object.entries(variables))
      console.log(`export ${name}='${value.replaceAll("'", "'\\''")}'`);
  });
}
