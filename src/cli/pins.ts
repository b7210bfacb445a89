/** `oximy pins`: apps that do not accept our certificate for a host, and are left alone there for an hour. */

import type { Command } from "commander";
import { findCaller } from "../local/caller.js";
import { oximyHome, pinsFile } from "../local/settings.js";
import { PinBook } from "../proxy/pins.js";

const open = () => new PinBook(pinsFile(oximyHome(process.env, findCaller().home)));

export function addPinsCommand(program: Command): void {
  const pins = program
    .command("pins")
    .description("apps that refused our certificate, and are left alone for an hour");
  const list = pins
    .command("list", { isDefault: true })
    .description("list them")
    .option("--json", "print JSON", false);
  list.action(() => {
    const found = open().list();
    if (list.opts<{ json: boolean }>().json) {
      console.log(JSON.stringify(found, null, 2));
      return;
    }
    for (const { app, host, until } of found) {
      console.log(`${host}  ${app}  until ${new Date(until).toLocaleTimeString()}`);
    }
    if (found.length === 0) console.log("No app is left alone.");
  });
  pins
    .command("clear")
    .description("forget them; a running capture does so within a second")
    .action(() => {
      open().clear();
      console.log("No app is left alone any more.");
    });
}
