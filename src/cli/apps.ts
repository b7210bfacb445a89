/** `oximy apps`: the app signatures of the bundle, and what of them runs now. */

import type { Command } from "commander";
import { createAppIndex } from "../attribution/match-app.js";
import { loadNative } from "../attribution/native.js";
import { runningApps, runningProcesses } from "../attribution/running.js";
import { asCaller, findCaller } from "../local/caller.js";
import { oximyHome } from "../local/settings.js";
import { loadBundle } from "../oisp/load.js";
import { addSomeOptions, bundleSources } from "./capture-options.js";

export function addAppsCommand(program: Command): void {
  const command = program
    .command("apps")
    .description("the apps that the bundle knows, and which of them run now")
    .option("--running", "only those that run now", false)
    .option("--json", "print JSON", false);
  addSomeOptions(command, "bundle_file", "bundle_url").action(async () => {
    const flags = command.opts<{ running: boolean; json: boolean }>();
    const caller = findCaller();
    const sources = { ...bundleSources(command, oximyHome(process.env, caller.home)), timeout: 3_000 };
    const { bundle } = await asCaller(caller, () => loadBundle(sources));
    const index = createAppIndex(bundle.apps, process.platform === "darwin" ? "darwin" : "linux");
    const running = new Map(
      runningApps(await runningProcesses(loadNative()), index).map((entry) => [entry.app.id, entry]),
    );
    const rows = bundle.apps
      .filter((app) => !flags.running || running.has(app.id))
      .map((app) => ({
        id: app.id,
        name: app.name,
        vendor: app.vendor,
        category: app.category,
        signatures: app.signatures,
        running: (running.get(app.id)?.processes ?? []).map(
          ({ process: { pid, path, user }, matchedBy }) => ({
            pid,
            path,
            user,
            matched_by: matchedBy,
          }),
        ),
      }));
    if (flags.json) {
      console.log(JSON.stringify(rows, null, 2));
      return;
    }
    const width = Math.max(2, ...rows.map(({ id }) => id.length));
    for (const { id, name, vendor, running: processes } of rows) {
      console.log(`${id.padEnd(width)}  ${name}${vendor ? `, ${vendor}` : ""}`);
      for (const { pid, path, matched_by } of processes) {
        console.log(
          `${" ".repeat(width)}  runs as ${pid} ${path ?? ""} (by ${matched_by.replaceAll("_", " ")})`,
        );
      }
    }
    if (rows.length === 0) console.log("No app of the bundle runs now.");
  });
}
