/** Servers behind `oximy mcp --`, and what was recorded of them. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { MAIN } from "../built-oximy.js";
import { validateEvent } from "../event/schema.js";

export const SDK_SERVER = fileURLToPath(new URL("./sdk-server.mjs", import.meta.url));

/** What to run so that `command` is wrapped. */
export const wrapped = (...command: readonly string[]) => ({
  command: process.execPath,
  args: [MAIN, "mcp", "--", ...command],
});

export const environment = (home: string, more: Record<string, string> = {}) => ({
  PATH: process.env.PATH!,
  OXIMY_HOME: home,
  ...more,
});

/** A wrapped server that is spoken to by bytes; it ends with the test at the latest. */
export function startWrapped(
  home: string,
  command: readonly string[],
  more?: Record<string, string>,
  stdout: number | "pipe" | "ignore" = "pipe",
): ChildProcess {
  const { command: file, args } = wrapped(...command);
  const child = spawn(file, args, { env: environment(home, more), stdio: ["pipe", stdout, "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** All that comes until the stream ends. */
export async function wholeOf(stream: AsyncIterable<Buffer> | null): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const ended = (child: ChildProcess) =>
  new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal })),
  );

/** Those of the folder of a home, each checked against the schema. */
export function eventsIn(home: string): OximyEvent[] {
  const folder = join(home, "traces");
  if (!existsSync(folder)) return [];
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    // What follows the last end of a line is being written.
    .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n").slice(0, -1));
  const events = lines.map((line) => JSON.parse(line) as OximyEvent);
  for (const event of events) validateEvent(event);
  return events;
}

/** The events, when there are so many. */
export async function eventsOf(home: string, count: number): Promise<OximyEvent[]> {
  for (;;) {
    const events = eventsIn(home);
    if (events.length >= count) return events;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
