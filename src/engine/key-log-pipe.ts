/**
 * The named pipe that programs write their key log into. Their secrets are never on a disk; and since whoever opens a
 * pipe waits for a reader, a process of its own (scripts/hold-key-log.sh) sees to it that there is one until no
 * process is left that could open it, however this one ends.
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
/** To make the pipe, and to look through the processes at the end. */
const HOLDER_MS = 5_000;
const BUFFER = 16 << 10;

type Holder = ChildProcessByStdio<Writable, Readable, null>;

export class KeyLogPipe {
  private constructor(
    private readonly folder: string,
    readonly path: string,
    private readonly holder: Holder,
    private readonly reader: Socket,
    /** So that the reader sees no end while there is no program that writes. */
    private readonly writeFd: number,
  ) {}

  /**
   * Makes the pipe, which only this user may open, and reads it. Throws where there can be none, with nothing left behind.
   * @param take is given what came; the bytes are valid during the call only, and to be wiped by it
   */
  static async open(take: (bytes: Uint8Array) => void): Promise<KeyLogPipe> {
    const folder = mkdtempSync(join(resolve(tmpdir()), "oximy-key-log-"));
    const path = join(folder, "keys");
    let holder: Holder | undefined;
    try {
      holder = startHolder();
      holder.stdin.write(`${folder}\n`);
      if ((await said(holder)) !== "ready\n") throw new Error(`${path} could not be made`);
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
   * Reads no more. Pipe and folder are gone then, unless there are processes left that may open it: they go with the last of
   * those.
   */
  async close(): Promise<void> {
    const { reader, holder } = this;
    const closed = once(reader, "close");
    reader.destroy();
    await closed;
    closeSync(this.writeFd);
    holder.ref();
    holder.stdin.end();
    const isHeld = (await said(holder)) === "holding\n";
    holder.stdout.destroy();
    holder.unref();
    // Removed by the holder already, unless something ended it.
    if (!isHeld && holder.exitCode !== null) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** In a session of its own: no key of the terminal ends it. It is told by no variable where the pipe is. */
function startHolder(): Holder {
  const { PATH = "/usr/bin:/bin" } = process.env;
  const holder = spawn("/bin/sh", [HOLDER], {
    detached: true,
    env: { PATH },
    stdio: ["pipe", "pipe", "ignore"],
  });
  // What becomes of it is seen by what it says.
  holder.on("error", () => {});
  holder.stdin.on("error", () => {});
  holder.stdout.setEncoding("latin1").on("error", () => {});
  holder.unref();
  return holder;
}

/** The next that it says, or undefined when it ends, or says nothing for too long. */
function said(holder: Holder): Promise<string | undefined> {
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
    // One buffer for all, so that no copy is left in Node's pools.
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
