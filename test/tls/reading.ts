import type { Direction } from "../../src/connection/direction.js";
import type { MakeDecipher } from "../../src/tls/aead-decipher.js";
import type { SecretLabel } from "../../src/tls/candidates.js";
import { type EstablishedSession, TlsSessionReader } from "../../src/tls/session-reader.js";
import type { Recorded, Secret, Step } from "./recording.js";

/** All that a reader told, in an order that does not depend on how its bytes were cut. */
export interface Report {
  readonly established: EstablishedSession[];
  /** As latin1. */
  readonly data: Record<Direction, string>;
  readonly ends: Partial<Record<Direction, string>>;
  readonly alerts: string[];
  earlyDataUnread: number;
  readonly failures: string[];
  /** What came, in turn: `session`, and the directions of data, each run of the same once. */
  readonly turns: string[];
  readonly times: number[];
}

/** A secret as it is offered to a reader, with or without its name. */
export type Offer = readonly [label: SecretLabel | undefined, secret: Buffer];

export interface Reading {
  readonly reader: TlsSessionReader;
  readonly report: Report;
}

export function startReading(maxPending = 1 << 20, makeDecipher?: MakeDecipher): Reading {
  const report: Report = {
    established: [],
    data: { request: "", response: "" },
    ends: {},
    alerts: [],
    earlyDataUnread: 0,
    failures: [],
    turns: [],
    times: [],
  };
  const turn = (what: string): void => {
    if (report.turns.at(-1) !== what) report.turns.push(what);
  };
  const reader = new TlsSessionReader(
    {
      onEstablished(session) {
        report.established.push(session);
        turn("session");
      },
      onData(direction, bytes, time) {
        turn(direction);
        report.times.push(time);
        report.data[direction] += Buffer.from(bytes).toString("latin1");
      },
      onEnd(direction, how) {
        report.ends[direction] = how;
      },
      onAlert: (direction, level, description) => report.alerts.push(`${direction} ${level} ${description}`),
      onEarlyDataUnread(bytes) {
        report.earlyDataUnread += bytes;
      },
      onFailed: (reason) => report.failures.push(reason),
    },
    { maxPending },
    makeDecipher,
  );
  return { reader, report };
}

/** Plays steps 1 ms apart. The bytes are overwritten once pushed, for a reader must keep none of them. */
export function play(reader: TlsSessionReader, steps: readonly Step[], firstTime = 1): void {
  let time = firstTime;
  for (const [direction, bytes] of steps) {
    if (bytes === "end") {
      reader.end(direction);
    } else {
      const pushed = Buffer.from(bytes);
      reader.push(direction, pushed, time);
      pushed.fill(0xaa);
    }
    time++;
  }
}

/** Adds secrets, and overwrites them as their owner does. */
export function addSecrets(reader: TlsSessionReader, secrets: readonly Offer[]): void {
  for (const [label, secret] of secrets) {
    const added = Buffer.from(secret);
    reader.addSecret(label, added);
    added.fill(0xaa);
  }
}

export function unnamed(secrets: readonly Secret[]): Offer[] {
  return secrets.map(([, secret]) => [undefined, secret]);
}

/** The steps with each push cut into pieces. */
export function cut(steps: readonly Step[], sizeOf: () => number): Step[] {
  return steps.flatMap(([direction, bytes]): Step[] => {
    if (bytes === "end") return [[direction, bytes]];
    const pieces: Step[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + Math.max(1, sizeOf());
      pieces.push([direction, bytes.subarray(at, end)]);
      at = end;
    }
    return pieces;
  });
}

/** Reads a whole session whose secrets are known from the start. */
export function readWhole(
  recorded: Recorded,
  secrets: readonly Offer[] = recorded.secrets,
  steps = recorded.steps,
): Report {
  const { reader, report } = startReading();
  addSecrets(reader, secrets);
  play(reader, steps);
  return report;
}
