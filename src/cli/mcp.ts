/** `oximy mcp -- COMMAND`: records what a server of MCP over standard input and output is asked, and what it answers. */

import { constants } from "node:os";
import { basename } from "node:path";
import type { Command } from "commander";
import { withTimeout } from "../attribution/time-limit.js";
import { McpRecorder } from "../mcp/recorder.js";
import { relay, type ServerEnd } from "../mcp/relay.js";
import { loadNative } from "../native/native.js";
import { printable, printError } from "../terminal.js";
import { oximyHome } from "../user/settings.js";
import { addSomeOptions, captureSettings } from "./capture-options.js";

/** The last events get this long to be written after the server's end. */
const WRITE_MS = 1_500;
/** A signal that does not end us is told by the exit code. */
const SIGNAL_MS = 200;

const OPTIONS = [
  "output_dir",
  "max_body",
  "keep_days",
  "keep_size",
  "bundle_file",
  "bundle_url",
  "supplement",
  "on_finding",
];

export function addMcpCommand(program: Command): void {
  const command = program
    .command("mcp")
    .description("run an MCP server over standard input and output, and record what it is asked and answers")
    .argument("<command...>", "the server's command, after --")
    .passThroughOptions();
  addSomeOptions(command, ...OPTIONS).action(async ([file, ...args]: string[]) => {
    const parent = process.ppid;
    // Standard error is the server's: a line of ours stands in it only when nothing is recorded.
    const recorder = new McpRecorder((why) => printError(`oximy: MCP is not recorded: ${printable(why)}`));
    const ended = relay({
      file: file!,
      args,
      onBytes: (from, bytes) => recorder.take(from, bytes),
      onEnd: (from) => recorder.ended(from),
    });
    // The server runs by now, whatever becomes of the rest.
    const recording = startRecording(command, recorder, basename(file!), parent);
    const end = await ended;
    await withTimeout(
      WRITE_MS,
      recording.then(() => recorder.close()),
      () => undefined,
    );
    await endAs(end);
  });
}

async function startRecording(
  command: Command,
  recorder: McpRecorder,
  label: string,
  parent: number,
): Promise<void> {
  try {
    const { settings } = captureSettings(command, oximyHome());
    if (!settings.enabled) return recorder.disable();
    // Large, and of no use before the server runs.
    const { record } = await import("../mcp/record.js");
    await record(recorder, { settings, label, parent });
  } catch (error) {
    recorder.off((error as Error).message);
  }
}

/** Whoever started us sees the end that it would have seen without us. */
async function endAs(end: ServerEnd): Promise<void> {
  if (end.kind === "exit") {
    process.exitCode = end.code;
    return;
  }
  try {
    // The server's core is what may be dumped, and not ours over it.
    loadNative().hideMemory();
  } catch {
    // Without the addon there may be two.
  }
  process.kill(process.pid, end.signal);
  await new Promise((resolve) => setTimeout(resolve, SIGNAL_MS));
  process.exitCode = 128 + constants.signals[end.signal];
}
