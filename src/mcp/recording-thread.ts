/** The recording thread's entry point: from relayed bytes to events in a file. */

import { parentPort, workerData } from "node:worker_threads";
import { createAppIndex, matchApp } from "../attribution/match-app.js";
import { Repositories } from "../attribution/repositories.js";
import { buildMcpEvent } from "../event/mcp.js";
import { type McpCall, type McpParty, McpSession } from "../interaction/mcp/mcp-session.js";
import { type MessageLine, MessageLines } from "../interaction/mcp/message-lines.js";
import { messageOfOutline, messagesOfText } from "../interaction/mcp/rpc-message.js";
import { loadBundleAtHand } from "../oisp/load.js";
import { FindingCommand } from "../sinks/finding-command.js";
import { openJsonlSink } from "../sinks/jsonl.js";
import type { SinkLog } from "../sinks/sink.js";
import { whyUnsafe } from "../user/safe-folder.js";
import type { FromRecording, RecordingData, ToRecording } from "./recording-protocol.js";

const port = parentPort!;
const data = workerData as RecordingData;
const post = (message: FromRecording) => port.postMessage(message);

async function start(): Promise<void> {
  const unsafe = whyUnsafe(data.outputDir);
  if (unsafe !== undefined) throw new Error(`events are not written to ${data.outputDir}: ${unsafe}`);
  const log: SinkLog = (level, message) => {
    if (level === "warn") post({ type: "warn", message });
  };
  const sink = openJsonlSink({
    folder: data.outputDir,
    ...(data.keepDays !== undefined && { keepDays: data.keepDays }),
    ...(data.keepSize !== undefined && { keepBytes: data.keepSize }),
    log,
  });
  const findings =
    data.onFinding === undefined ? undefined : new FindingCommand({ command: data.onFinding, log });
  const { bundle } = await loadBundleAtHand(data.bundle);
  const platform = process.platform === "darwin" ? "darwin" : "linux";
  const app = matchApp(data.owner, createAppIndex(bundle.apps, platform));
  const repositories = new Repositories();
  repositories.of(data.owner);
  await repositories.settled();

  const write = (call: McpCall) => {
    const repo = repositories.of(data.owner);
    const event = buildMcpEvent({
      call,
      transport: "stdio",
      label: data.label,
      owner: data.owner,
      ...(app && { app }),
      ...(repo && { repo }),
    });
    sink.write(event);
    findings?.notify(event);
  };
  const session = new McpSession(write);
  const lines: Record<McpParty, MessageLines> = {
    client: new MessageLines(data.maxBody),
    server: new MessageLines(data.maxBody),
  };
  const takeLine = (from: McpParty, line: MessageLine, time: number) => {
    if (line.kind === "outline") {
      const message = messageOfOutline(line.outline);
      if (message) session.take(from, message, { time, length: line.length, isCut: true });
      return;
    }
    const messages = messagesOfText(line.text);
    const facts = messages.length === 1 ? { time, length: line.length } : { time };
    for (const message of messages) session.take(from, message, facts);
  };

  port.on("message", (message: ToRecording) => {
    switch (message.type) {
      case "chunks": {
        let read = 0;
        sink.cork();
        for (const { from, time, bytes } of message.chunks) {
          if (bytes === null) lines[from].skip();
          else for (const line of lines[from].push(bytes)) takeLine(from, line, time);
          read += bytes?.length ?? 0;
        }
        sink.uncork();
        post({ type: "read", bytes: read });
        return;
      }
      case "end":
        for (const from of ["client", "server"] as const) {
          for (const line of lines[from].end()) takeLine(from, line, message.time);
        }
        session.end(message.by === "server" ? "server_closed" : "client_aborted", message.time);
        void sink.close().then(() => post({ type: "ended" }));
    }
  });
}

await start();
