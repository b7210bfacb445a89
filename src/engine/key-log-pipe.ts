/**
 * The named pipe that programs write their key log to. Secrets never reach a disk. Opening a pipe blocks until there is
 * a reader, so a separate process (scripts/hold-key-log.sh) keeps one open until no process is left that could open the
 * pipe, however this process ends.
 */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket, type SocketConstructorOpts } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { withTimeout } from "../attribution/time-limit.js";

const HOLDER = fileURLToPath(new URL("../../scripts/hold-key-log.sh", import.meta.url));
/** Time limit for creating the pipe, and for searching the processes at the end. */
const HOLDER_MS = 5_000;
const BUFFER = 16 << 10;

type Holder = ChildProcessByStdio<Writable, Readable, null>;

export class KeyLogPipe {
  private constructor(
    private readonly folder: string,
    readonly path: string,
    private readonly holder: Holder,
    private readonly reader: Socket,
    /** Keeps the reader from seeing end-of-file while no program writes. */
    private readonly writeFd: number,
  ) {}

  /**
   * Creates the pipe, which only this user may open, and reads it. Throws if it cannot, and leaves nothing behind.
   * @param take called with the bytes read; they are valid during the call only, and it must wipe them
   */
  static async open(take: (bytes: Uint8Array) => void): Promise<KeyLogPipe> {
    const folder = mkdtempSync(join(resolve(tmpdir()), "oximy-key-log-"));
    const path = join(folder, "keys");
    let holder: Holder | undefined;
    try {
      holder = startHolder();
      holder.stdin.write(`${folder}\n`);
      if ((await replyOf(holder)) !== "ready\n") throw new Error(`${path} could not be made`);
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const writeFd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      return new KeyLogPipe(folder, path, holder, readAll(fd, take), writeFd);
    } catch (error) {
      holder?.stdin.destroy();
      holder?.stdout.destroy();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /**
   * Stops reading. Pipe and folder are removed, unless processes are left that may open the pipe: then they are removed
   * with the last of those.
   */
  async close(): Promise<void> {
    const { reader, holder } = this;
    const closed = once(reader, "close");
    reader.destroy();
    await closed;
    closeSync(this.writeFd);
    holder.ref();
    holder.stdin.end();
    const isHeld = (await replyOf(holder)) === "holding\n";
    holder.stdout.destroy();
    holder.unref();
    // Already removed by the holder, unless it was killed.
    if (!isHeld && holder.exitCode !== null) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** In a session of its own, so that no terminal signal ends it. No variable in its environment names the pipe. */
function startHolder(): Holder {
  const { PATH = "/usr/bin:/bin" } = process.env;
  const holder = spawn("/bin/sh", [HOLDER], {
    detached: true,
    env: { PATH },
    stdio: ["pipe", "pipe", "ignore"],
  });
  // A failure shows by its missing reply.
  holder.on("error", () => {});
  holder.stdin.on("error", () => {});
  holder.stdout.setEncoding("latin1").on("error", () => {});
  holder.unref();
  return holder;
}

/** The holder's next line; undefined when it exits or does not reply in time. */
function replyOf(holder: Holder): Promise<string | undefined> {
  const { stdout } = holder;
  const line = new Promise<string | undefined>((settle) => {
    stdout.once("data", (text: string) => settle(text));
    holder.once("close", () => settle(undefined)).once("error", () => settle(undefined));
  });
  return withTimeout(HOLDER_MS, line, () => undefined);
}

function readAll(fd: number, take: (bytes: Uint8Array) => void): Socket {
  const buffer = new Uint8Array(BUFFER);
  const onread = {
    // A single buffer, so that no copy is left in Node's pools.
    buffer,
    callback: (length: number) => {
      take(buffer.subarray(0, length));
      return true;
    },
  };
  // @types/node has `onread` for connecting sockets only.
  const socket = new Socket({ fd, readable: true, writable: false, onread } as SocketConstructorOpts);
  socket.on("error", () => {}).unref();
  socket.resume();
  return socket;
}
