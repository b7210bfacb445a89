/** `oximy mcp -- COMMAND`: runs an MCP server over standard input and output, and records its calls. */

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

/** Time to write the last events after the server has exited. */
const WRITE_MS = 1_500;
/** If the signal does not end this process within this time, the exit code reports it. */
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
    .description("run an MCP server over standard input and output, and record its calls and results")
    .argument("<command...>", "the server's command, after --")
    .passThroughOptions();
  addSomeOptions(command, ...OPTIONS).action(async ([file, ...args]: string[]) => {
    const parent = process.ppid;
    // Standard error is the server's: a line of ours appears only when nothing is recorded.
    const recorder = new McpRecorder((why) => printError(`oximy: MCP is not recorded: ${printable(why)}`));
    const ended = relay({
      file: file!,
      args,
      onBytes: (from, bytes) => recorder.take(from, bytes),
      onEnd: (from) => recorder.ended(from),
    });
    // The server is running by now; a failure from here on affects only the recording.
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
    // Loaded lazily, so that the server starts first.
    const { record } = await import("../mcp/record.js");
    await record(recorder, { settings, label, parent });
  } catch (error) {
    recorder.off((error as Error).message);
  }
}

/** Exits as the server did, so that the parent sees the same status as without us. */
async function endAs(end: ServerEnd): Promise<void> {
  if (end.kind === "exit") {
    process.exitCode = end.code;
    return;
  }
  try {
    // Only the server may dump core: ours could overwrite its file.
    loadNative().hideMemory();
  } catch {
    // Without the addon both may dump core.
  }
  process.kill(process.pid, end.signal);
  await new Promise((resolve) => setTimeout(resolve, SIGNAL_MS));
  process.exitCode = 128 + constants.signals[end.signal];
}
