/**
 * Apps that do not accept our certificate for a host: learned from their refusals, per app and host, for an hour,
 * kept in a file that `oximy pins` shows and clears.
 */

import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";

export interface Pin {
  /** App id, else executable path, else `unknown`. */
  readonly app: string;
  readonly host: string;
  /** Epoch ms. */
  readonly until: number;
}

const REFUSALS = 2;
const HOUR = 3_600_000;
/** A file that another process cleared is noticed within this time. */
const LOOK_AGAIN_MS = 1_000;
const MAX_ENTRIES = 2_000;

export class PinBook {
  private pins = new Map<string, Pin>();
  /** Refusals that are not enough yet, with the time of the last. */
  private readonly refusals = new Map<string, { count: number; at: number }>();
  private lookedAt = 0;
  private modifiedAt: number | undefined;

  /** @param path the file, which need not exist */
  constructor(
    private readonly path: string,
    private readonly now: () => number = Date.now,
  ) {}

  isPinned(app: string, host: string): boolean {
    this.lookIfPossible();
    const pin = this.pins.get(keyOf(app, host));
    return pin !== undefined && pin.until > this.now();
  }

  /** Whether any app is pinned to this host. */
  hasPins(host: string): boolean {
    this.lookIfPossible();
    for (const pin of this.pins.values()) if (pin.host === host && pin.until > this.now()) return true;
    return false;
  }

  /** Counts one refusal. True when it made a pin. */
  refused(app: string, host: string): boolean {
    this.lookIfPossible();
    const key = keyOf(app, host);
    const at = this.now();
    const before = this.refusals.get(key);
    const count = before && at - before.at < HOUR ? before.count + 1 : 1;
    if (count < REFUSALS) {
      if (this.refusals.size >= MAX_ENTRIES)
        this.refusals.delete(this.refusals.keys().next().value as string);
      this.refusals.set(key, { count, at });
      return false;
    }
    this.refusals.delete(key);
    if (this.pins.size >= MAX_ENTRIES) this.pins.delete(this.pins.keys().next().value as string);
    this.pins.set(key, { app, host, until: at + HOUR });
    this.write();
    return true;
  }

  /** What is in force now. Throws the system's error when the file is out of reach. */
  list(): Pin[] {
    this.lookedAt = 0;
    this.look();
    return [...this.pins.values()].filter((pin) => pin.until > this.now());
  }

  /** Forgets all of them, here and in the process that learned them. */
  clear(): void {
    this.pins.clear();
    this.refusals.clear();
    rmSync(this.path, { force: true });
  }

  /** A file that is out of reach changes nothing: a connection must not fail for it. */
  private lookIfPossible(): void {
    try {
      this.look();
    } catch {}
  }

  private look(): void {
    if (this.now() - this.lookedAt < LOOK_AGAIN_MS) return;
    this.lookedAt = this.now();
    const modifiedAt = statSync(this.path, { throwIfNoEntry: false })?.mtimeMs;
    if (modifiedAt === this.modifiedAt) return;
    this.modifiedAt = modifiedAt;
    this.pins = modifiedAt === undefined ? new Map() : readPins(this.path);
  }

  private write(): void {
    const temporary = `${this.path}.${process.pid}.tmp`;
    try {
      writeFileSync(temporary, JSON.stringify(this.list(), null, 2), { mode: 0o600 });
      renameSync(temporary, this.path);
      this.modifiedAt = statSync(this.path).mtimeMs;
    } catch {
      // A home that cannot be written costs the list in `oximy pins`; the pins themselves are in memory.
    }
  }
}

const keyOf = (app: string, host: string) => `${app}\n${host}`;

function readPins(path: string): Map<string, Pin> {
  try {
    const pins = JSON.parse(readFileSync(path, "utf8")) as Pin[];
    return new Map(pins.slice(0, MAX_ENTRIES).map((pin) => [keyOf(pin.app, pin.host), pin]));
  } catch {
    return new Map(); // cleared in this moment, or not ours
  }
}
