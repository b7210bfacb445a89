/** `oximy ca` and `oximy env`: the certificate authorities and how to make programs trust them. */

import { X509Certificate } from "node:crypto";
import type { Command } from "commander";
import { OximyError } from "../errors.js";
import { print, printError } from "../terminal.js";
import {
  machinesCertificate,
  machinesCertificateIfMade,
  ownCertificate,
  ownCertificateIfMade,
} from "../trust/our-certificate.js";
import { proxyEnvironment, trustEnvironmentOver } from "../trust/trust-environment.js";
import type { NamedCertificate } from "../trust/trust-store.js";
import { asInvokingUser, findInvokingUser } from "../user/invoking-user.js";
import { caDirectory, oximyHome } from "../user/settings.js";
import { addTrustCommands } from "./ca-trust.js";
import { portNumber } from "./proxy.js";

/** `machine`: root's, for `oximy local`; `own`: the user's, for `oximy proxy` and `oximy run`. */
export type Whose = "machine" | "own";

export const WHOSE: Record<Whose, string> = {
  machine: "the machine's: `oximy local` uses it; only root can read its key",
  own: "your own: `oximy proxy` and `oximy run` use it; no system store has it",
};

const isRoot = () => process.geteuid?.() === 0;

/** Root gets the machine's by default, unless only the own one exists. Created on first use. Throws OximyError. */
function open(command: Command): { readonly whose: Whose; readonly certificate: NamedCertificate } {
  const flags = command.opts<{ machine?: boolean; own?: boolean }>();
  const invokingUser = findInvokingUser();
  const home = oximyHome(process.env, invokingUser.home);
  const isOnlyOwn = () =>
    machinesCertificateIfMade() === undefined && ownCertificateIfMade(home, invokingUser);
  const whose = flags.machine || (!flags.own && isRoot() && !isOnlyOwn()) ? "machine" : "own";
  if (whose === "own") return { whose, certificate: ownCertificate(home, invokingUser) };
  const certificate = isRoot() ? machinesCertificate() : machinesCertificateIfMade();
  if (certificate === undefined) {
    const message = "The machine has no certificate authority yet, and only root can create it.";
    throw new OximyError("OXIMY_E_PRIVILEGE", message, "Run: sudo oximy ca path");
  }
  return { whose, certificate };
}

const withWhose = (command: Command): Command =>
  command
    .option(
      "--machine",
      "the machine's, which `oximy local` uses (default for root, unless only the own one exists)",
    )
    .option("--own", "the user's own, which `oximy proxy` and `oximy run` use");

export function addCaCommand(program: Command): void {
  const ca = program
    .command("ca")
    .description("the certificate authorities: the machine's and the user's own");
  const path = withWhose(ca.command("path"))
    .description("print the path of the certificate (created on first use)")
    .action(() => {
      const { whose, certificate } = open(path);
      printError(WHOSE[whose]);
      console.log(certificate.path);
    });
  const show = withWhose(ca.command("show"))
    .description("print the details of the certificate")
    .action(() => {
      const { whose, certificate } = open(show);
      const { subject, validFrom, validTo, fingerprint256 } = new X509Certificate(certificate.pem);
      const lines = [
        ["whose", WHOSE[whose]],
        ["path", certificate.path],
        ["subject", subject.replaceAll("\n", ", ")],
        ["valid", `${validFrom} to ${validTo}`],
        ["key", "ECDSA P-256"],
        ["sha256", fingerprint256],
      ];
      for (const [name, value] of lines) print(`${name!.padEnd(8)} ${value}`);
    });
  addTrustCommands(ca);
}

export function addEnvCommand(program: Command): void {
  const command = program
    .command("env")
    .description('print variables that make programs trust the certificates: eval "$(oximy env)"')
    .option("--proxy <port>", "also make programs use an explicit proxy on this port", portNumber);
  command.action(() => {
    const invokingUser = findInvokingUser();
    const home = oximyHome(process.env, invokingUser.home);
    const { proxy } = command.opts<{ proxy?: number }>();
    const machine = isRoot() ? machinesCertificate() : machinesCertificateIfMade();
    const isOwnWanted = proxy !== undefined || machine === undefined;
    const own = isOwnWanted ? ownCertificate(home, invokingUser) : ownCertificateIfMade(home, invokingUser);
    const certificates = [machine, own].filter((one) => one !== undefined);
    if (machine) printError(`${machine.path}: ${WHOSE.machine}`);
    if (own) printError(`${own.path}: ${WHOSE.own}`);
    const variables = {
      ...asInvokingUser(invokingUser, () =>
        trustEnvironmentOver(process.env, caDirectory(home), certificates),
      ),
      ...(proxy === undefined ? {} : proxyEnvironment(proxy)),
    };
    for (const [name, value] of Object.entries(variables))
      console.log(`export ${name}='${value.replaceAll("'", "'\\''")}'`);
  });
}
