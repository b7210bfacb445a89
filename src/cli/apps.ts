/** `oximy apps`: the app signatures of the bundle, which of them run now, and how these are captured. */

import type { Command } from "commander";
import { createAppIndex } from "../attribution/match-app.js";
import { runningApps, runningProcesses } from "../attribution/running.js";
import type { AppMatch } from "../connection/client.js";
import { loadNative } from "../native/native.js";
import { DEFAULT_BUNDLE_URL, loadBundle, loadBundleAtHand } from "../oisp/load.js";
import { print, printable, printJson } from "../terminal.js";
import { asInvokingUser, findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { addSomeOptions, bundleSources, captureSettings } from "./capture-options.js";
import { printMcpServers } from "./mcp-apps.js";
import { type Capture, RunningCapture } from "./running-capture.js";
import { containerLines, containerRows } from "./running-containers.js";

export function addAppsCommand(program: Command): void {
  const command = program
    .command("apps")
    .description("the apps that the bundle knows, which of them run now, and how these are captured")
    .option("--running", "only those that run now", false)
    .option("--mcp", "list the MCP servers that your apps are configured to use, instead", false)
    .option("--containers", "list the containers of this machine and how they are captured, instead", false)
    .option("--json", "print JSON", false);
  addSomeOptions(command, "bundle_file", "bundle_url").action(async () => {
    const flags = command.opts<{ running: boolean; json: boolean; mcp: boolean; containers: boolean }>();
    if (flags.mcp) {
      printMcpServers(flags.json ? "json" : "text");
      return;
    }
    if (flags.containers) {
      await printContainers(flags.json ? "json" : "text");
      return;
    }
    const invokingUser = findInvokingUser();
    const sources = bundleSources(command, oximyHome(process.env, invokingUser.home));
    // A list of apps is not worth a wait for the network: `oximy bundle update` and each capture fetch the bundle.
    const isDefault = sources.url === undefined || sources.url === DEFAULT_BUNDLE_URL;
    const { bundle } = await asInvokingUser(invokingUser, () =>
      isDefault ? loadBundleAtHand(sources) : loadBundle({ ...sources, timeout: 3_000 }),
    );
    const index = createAppIndex(bundle.apps, process.platform === "darwin" ? "darwin" : "linux");
    const native = loadNative();
    const { settings } = captureSettings(command, oximyHome(process.env, invokingUser.home));
    const capture = new RunningCapture({ native, settings });
    const running = new Map<string, RunningRow[]>();
    for (const { app, processes } of runningApps(await runningProcesses(native), index)) {
      const rows = processes.map(async ({ process: { pid, path, user, container, ...rest }, matchedBy }) => ({
        pid,
        path,
        user,
        container: container?.name ?? container?.id,
        matched_by: matchedBy,
        capture: await capture.of(
          { pid, ...(path && { path }), ...(container && { container }), ...rest },
          { ...app, matchedBy },
        ),
      }));
      running.set(app.id, await Promise.all(rows));
    }
    capture.close();
    const rows = bundle.apps
      .filter((app) => !flags.running || running.has(app.id))
      .map((app) => ({
        id: app.id,
        name: app.name,
        vendor: app.vendor,
        category: app.category,
        signatures: app.signatures,
        running: running.get(app.id) ?? [],
      }));
    if (flags.json) {
      printJson(rows, 2);
      return;
    }
    const width = Math.max(2, ...rows.map(({ id }) => id.length));
    for (const { id, name, vendor, running: processes } of rows) {
      print(`${id.padEnd(width)}  ${name}${vendor ? `, ${vendor}` : ""}`);
      for (const line of runningLines(processes)) print(`${" ".repeat(width)}  ${line}`);
    }
    if (rows.length === 0) print("No app of the bundle runs now.");
    for (const line of containerLines(await containerRows(native))) print(line);
  });
}

async function printContainers(style: "json" | "text"): Promise<void> {
  const rows = await containerRows(loadNative());
  if (style === "json") {
    printJson(rows, 2);
    return;
  }
  for (const line of containerLines(rows)) print(line);
  if (rows.length === 0) print("No container runs now.");
}

/** A process of an app, and how its calls would be captured. */
export interface RunningRow {
  readonly pid: number;
  readonly path: string | undefined;
  readonly user: string | undefined;
  /** Name, else id of its container; only for processes in one. */
  readonly container?: string | undefined;
  readonly matched_by: AppMatch["matchedBy"];
  readonly capture: Capture;
}

const HOW: Record<Capture["how"], string> = {
  read: "read",
  intercept: "intercept",
  tried_once: "tried once",
  seen_only: "seen only",
  unknown: "not known",
};

/** Browsers have dozens of processes: those with the same description share their lines. */
export function runningLines(processes: readonly RunningRow[]): string[] {
  const groups = new Map<string, { row: RunningRow; pids: number[] }>();
  for (const row of processes) {
    const key = JSON.stringify([row.path, row.container, row.matched_by, row.capture]);
    const group = groups.get(key) ?? { row, pids: [] };
    group.pids.push(row.pid);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(({ row: { path, container, matched_by, capture }, pids }) => [
    `runs as ${pids.join(", ")} ${printable(path ?? "")}${container === undefined ? "" : ` in ${printable(container)}`} (by ${matched_by.replaceAll("_", " ")})`,
    `  ${HOW[capture.how]}: ${printable(capture.why)}`,
    ...(capture.advice === undefined ? [] : [`  → ${printable(capture.advice)}`]),
  ]);
}
