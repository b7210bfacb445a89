/** `oximy pins`: what was learned about programs that do not trust our certificate, and servers that require one. */

import type { Command } from "commander";
import { LearnedFacts, type LearnedTrust } from "../proxy/verdict/learned-facts.js";
import { print, printJson } from "../terminal.js";
import { findInvokingUser } from "../user/invoking-user.js";
import { oximyHome, pinsFile } from "../user/settings.js";

const open = () => new LearnedFacts(pinsFile(oximyHome(process.env, findInvokingUser().home)));

const OUTCOMES: Record<LearnedTrust["outcome"], string> = {
  refused: "refused our certificate; passed through",
  tried: "was tried once, without a result; passed through",
  accepted: "accepts our certificate",
};

const date = (time: number) => new Date(time).toLocaleString();

export function addPinsCommand(program: Command): void {
  const pins = program
    .command("pins")
    .description("what was learned about programs and servers, until it expires");
  const list = pins
    .command("list", { isDefault: true })
    .description("list it")
    .option("--json", "print JSON", false);
  list.action(() => {
    const { programs, servers } = open().list();
    if (list.opts<{ json: boolean }>().json) {
      printJson({ programs, servers }, 2);
      return;
    }
    for (const { name, outcome, host, how, advice, until } of programs) {
      print(`${name}  ${OUTCOMES[outcome]}  (${how ?? "at"} ${host})  until ${date(until)}`);
      if (outcome !== "accepted") print(`    to have it read: ${advice}`);
    }
    for (const { host, address, port, uid, until } of servers) {
      print(`${host} (${address}:${port}, user ${uid})  asks for a client certificate  until ${date(until)}`);
    }
    if (programs.length + servers.length === 0) print("Nothing was learned about any program or server.");
  });
  pins
    .command("clear")
    .description("forget it; a running capture does so within a second")
    .action(() => {
      open().clear();
      print("Everything learned about programs and servers was forgotten.");
    });
}
