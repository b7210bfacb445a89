/** Remembers how far a collector has got, and sees to it that one process at a time tells it. */

import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { isObject } from "../../interaction/json.js";
import { isRunning } from "../../is-running.js";
import type { Position } from "./event-position.js";

/** A lock that was not touched for so long is of a process that is gone, whoever has its number now. */
const STALE_MS = 60_000;

export interface State {
  readonly position: Position;
  /** All that had been captured was told when the capture ended: what came since was captured without a collector. */
  readonly isDone: boolean;
}

export class StateFile {
  private holds = false;

  constructor(private readonly path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  }

  /** Undefined before the first time, and when it cannot be read. */
  read(): State | undefined {
    try {
      const value: unknown = JSON.parse(readFileSync(this.path, "utf8"));
      if (!isObject(value)) return undefined;
      const { date, number, identity, offset, done } = value;
      if (typeof date !== "string" || typeof number !== "number") return undefined;
      if (typeof identity !== "string" || typeof offset !== "number") return undefined;
      return { position: { date, number, identity, offset }, isDone: done === true };
    } catch {
      return undefined;
    }
  }

  write({ position, isDone }: State): void {
    const fresh = `${this.path}.new`;
    writeFileSync(fresh, JSON.stringify({ ...position, done: isDone }), { mode: 0o600 });
    renameSync(fresh, this.path);
  }

  /** True when this process is the one that tells the collector; to be asked now and then, also by the one that is. */
  hold(now = Date.now()): boolean {
    const lock = `${this.path}.lock`;
    if (this.holds) {
      try {
        utimesSync(lock, now / 1000, now / 1000);
        return true;
      } catch {
        this.holds = false; // somebody took it for left behind
      }
    }
    if (!isHeld(lock, now)) this.holds = taken(lock);
    return this.holds;
  }

  release(): void {
    if (!this.holds) return;
    this.holds = false;
    unlinkSync(`${this.path}.lock`);
  }
}

function isHeld(lock: string, now: number): boolean {
  const status = statSync(lock, { throwIfNoEntry: false });
  if (status === undefined) return false;
  if (now - status.mtimeMs < STALE_MS && isRunning(Number(readFileSync(lock, "utf8")))) return true;
  unlinkSync(lock);
  return false;
}

/** Only one process can make the file. */
function taken(lock: string): boolean {
  try {
    const fd = openSync(lock, "wx", 0o600);
    writeSync(fd, String(process.pid));
    closeSync(fd);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
