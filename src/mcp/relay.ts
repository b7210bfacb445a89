/**
 * Runs a server of MCP between the one who started us and us: what either says is passed on byte for byte as it comes,
 * signals are handed down, and its end is ours. What is passed on is shown to whoever records it, after it was passed.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { OximyError } from "../errors.js";
import type { McpParty } from "../interaction/mcp/mcp-session.js";

export interface RelayOptions {
  readonly file: string;
  readonly args: readonly string[];
  /** Shown what `from` said; must not keep the bytes. */
  readonly onBytes: (from: McpParty, bytes: Uint8Array) => void;
  /** Told when one of them says nothing more. */
  readonly onEnd: (from: McpParty) => void;
}

/** How the server ended. */
export type ServerEnd =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: NodeJS.Signals };

/** Those that ask a program for something; of the others none can be caught, or none concerns a server. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const;
/** A terminal sends these to each process in its foreground, the server too. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(["SIGINT", "SIGQUIT"]);

/** What the server leaves running may hold its output open: so long nothing may come before we end as it did. */
const SILENCE_MS = 1_000;

/**
 * Resolves when the server has ended and all that it said is passed on.
 * @throws OximyError OXIMY_E_USAGE when it could not be started
 */
export async function relay(options: RelayOptions): Promise<ServerEnd> {
  const server = spawn(options.file, [...options.args], { stdio: ["pipe", "pipe", "inherit"] });
  const release = forwardSignals(server);
  try {
    await started(server, options.file);
    const input = server.stdin!;
    const output = server.stdout!;
    const toClient = clientsEnd();
    const flushed = overOf(toClient);
    pass("client", process.stdin, input, options);
    pass("server", output, toClient, options);
    const end = await endOf(server);
    release();
    await silent(output);
    toClient.end();
    await flushed;
    return end;
  } finally {
    release();
  }
}

/** Each direction waits for its own reader, never for the other direction. */
function pass(from: McpParty, source: Readable, target: Writable, { onBytes, onEnd }: RelayOptions): void {
  source.on("data", (bytes: Buffer) => {
    if (!target.write(bytes)) source.pause();
    onBytes(from, bytes);
  });
  target.on("drain", () => source.resume());
  source.once("end", () => {
    target.end();
    onEnd(from);
  });
  // A reset counts as an end: there is nobody left who could be told more.
  source.once("error", () => target.end());
  // Nobody reads any more: the writer learns it as it would without us, by its next write.
  target.once("error", () => source.destroy());
}

/** Standard output that can be ended, and never blocks the other direction; a terminal or file as Node opens it. */
function clientsEnd(): Writable {
  const status = fstatSync(1);
  if (!status.isFIFO() && !status.isSocket()) return process.stdout;
  return new Socket({ fd: 1, readable: false, writable: true });
}

function started(server: ChildProcess, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("spawn", resolve);
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "ENOENT" ? "it was not found" : cause.message;
      const message = `${file} could not be started: ${why}.`;
      reject(new OximyError("OXIMY_E_USAGE", message, "Check its name and path.", { cause }));
    });
  });
}

function endOf(server: ChildProcess): Promise<ServerEnd> {
  return new Promise((resolve) => {
    server.once("exit", (code, signal) =>
      resolve(signal === null ? { kind: "exit", code: code ?? 1 } : { kind: "signal", signal }),
    );
  });
}

/** Returns what gives the signals back to the system. */
function forwardSignals(server: ChildProcess): () => void {
  const handlers = SIGNALS.map((signal) => {
    const handler = () => {
      if (!(FROM_TERMINAL.has(signal) && process.stdin.isTTY)) server.kill(signal);
    };
    process.on(signal, handler);
    return () => void process.off(signal, handler);
  });
  return () => {
    for (const remove of handlers) remove();
  };
}

/** Resolves when the output has ended, or nothing comes any more. */
function silent(output: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (output.readableEnded || output.destroyed) return resolve();
    const timer = setTimeout(resolve, SILENCE_MS);
    output.on("data", () => timer.refresh());
    // While the client does not read what there is, nothing is read, and that is no silence.
    output.on("pause", () => clearTimeout(timer));
    output.on("resume", () => timer.refresh());
    output.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Resolves when all that was passed on has left us, or nobody takes it. Asked before anything is passed: a standard output
 * that is a file forgets its end, once Node has kept it from being destroyed.
 */
function overOf(target: Writable): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["close", "finish", "error"]) target.once(event, () => resolve());
  });
}
