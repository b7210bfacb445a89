/** Stores how far the export to a collector has got, and makes sure that only one process at a time exports. */

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

/** A lock not touched for this long belongs to a process that is gone, even if its pid was reused. */
const STALE_MS = 60_000;

export interface State {
  readonly position: Position;
  /** Everything captured had been sent when the capture ended: later events were captured without a collector. */
  readonly isDone: boolean;
}

export class StateFile {
  private holds = false;

  constructor(private readonly path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  }

  /** Undefined before the first write, and when it cannot be read. */
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

  /** True when this process is the exporter. Call it regularly, also while it holds the lock: that renews it. */
  hold(now = Date.now()): boolean {
    const lock = `${this.path}.lock`;
    if (this.holds) {
      try {
        utimesSync(lock, now / 1000, now / 1000);
        return true;
      } catch {
        this.holds = false; // another process considered it stale
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

/** Only one process can create the file. */
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
