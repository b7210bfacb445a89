/**
 * Runs an MCP server as a child of this process and relays between it and the client: bytes are forwarded unchanged as
 * they arrive, signals are forwarded, and this process ends as the server does. The recorder gets bytes after they were
 * forwarded.
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
  /** Called with the bytes that `from` sent; must not keep them. */
  readonly onBytes: (from: McpParty, bytes: Uint8Array) => void;
  /** Called when one of them has ended its stream. */
  readonly onEnd: (from: McpParty) => void;
}

/** How the server ended. */
export type ServerEnd =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: NodeJS.Signals };

/** Signals to forward; the others cannot be caught, or do not concern a server. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const;
/** A terminal sends these to the whole foreground process group, which includes the server. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(["SIGINT", "SIGQUIT"]);

/** Processes left by the server may hold its output open: this process ends after this time without output. */
const SILENCE_MS = 1_000;

/**
 * Resolves when the server has exited and all its output was forwarded.
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
    forward("client", process.stdin, input, options);
    forward("server", output, toClient, options);
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
function forward(from: McpParty, source: Readable, target: Writable, { onBytes, onEnd }: RelayOptions): void {
  source.on("data", (bytes: Buffer) => {
    if (!target.write(bytes)) source.pause();
    onBytes(from, bytes);
  });
  target.on("drain", () => source.resume());
  source.once("end", () => {
    target.end();
    onEnd(from);
  });
  // A reset counts as an end: there is nobody left to send to.
  source.once("error", () => target.end());
  // The reader is gone: the writer notices at its next write, as it would without us.
  target.once("error", () => source.destroy());
}

/** Standard output as a stream that can be ended and never blocks the other direction; Node's for a terminal or file. */
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

/** Returns a function that restores the default handling. */
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

/** Resolves when the output has ended, or has been silent for a while. */
function silent(output: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (output.readableEnded || output.destroyed) return resolve();
    const timer = setTimeout(resolve, SILENCE_MS);
    output.on("data", () => timer.refresh());
    // Backpressure from the client pauses the output: that does not count as silence.
    output.on("pause", () => clearTimeout(timer));
    output.on("resume", () => timer.refresh());
    output.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Resolves when everything forwarded was flushed, or nobody reads it. Must be called before anything is forwarded: when
 * standard output is a file, its events are lost once Node has prevented its destruction.
 */
function overOf(target: Writable): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["close", "finish", "error"]) target.once(event, () => resolve());
  });
}
