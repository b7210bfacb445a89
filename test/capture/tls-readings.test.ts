import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { TlsReadings } from "../../src/capture/tls-readings.js";
import type { Connection, UnreadConnection } from "../../src/connection/connection.js";
import type { Direction } from "../../src/connection/direction.js";
import { encodeSecretFrame, type SecretLabel } from "../../src/secrets/secret-frame.js";
import { keyPair } from "../tls/certificates.js";
import { type Recorded, recordNode } from "../tls/recording.js";
import { connection } from "./rig.js";

const ID = 7;
const READ = (() => {
  const { protocol: _, ...others } = connection(ID, { via: "read" });
  return others;
})();

let session: Recorded;
beforeAll(async () => {
  const { key, cert } = keyPair("ecdsa");
  [session] = (await recordNode({ server: { key, cert } })) as [Recorded];
});

let opened: Connection[];
let data: Record<Direction, string>;
let ended: Direction[];
let closed: string[];
let unread: UnreadConnection[];
let outcomes: string[];
let readings: TlsReadings;

beforeEach(() => {
  opened = [];
  data = { request: "", response: "" };
  ended = [];
  closed = [];
  unread = [];
  outcomes = [];
  readings = new TlsReadings({
    pipeline: {
      open: (it) => void opened.push(it),
      push: (_id, direction, bytes) => {
        data[direction] += Buffer.from(bytes).toString("latin1");
      },
      end: (_id, direction) => void ended.push(direction),
      close: (_id, cause) => void closed.push(cause),
      unread: (end) => void unread.push(end),
    },
    onOutcome: (_id, outcome) => void outcomes.push(outcome),
  });
  return () => readings.destroy();
});

const isForwarded = (label: string) => !label.includes("EXPORTER");

function giveSecrets(id = ID): Buffer[] {
  return session.secrets
    .filter(([label]) => isForwarded(label))
    .map(([label, secret]) => {
      const frame = { watchId: id, label: label as SecretLabel, candidate: false, secret };
      const bytes = encodeSecretFrame(frame);
      readings.secrets(bytes);
      return bytes;
    });
}

function playAll(): void {
  for (const [direction, bytes] of session.steps) {
    if (bytes === "end") readings.end(ID, direction, 2);
    else readings.push(ID, direction, bytes, 1);
  }
}

const expectWhole = () => {
  expect(opened.map(({ id, via }) => [id, via])).toEqual([[ID, "read"]]);
  expect(data).toEqual(session.data);
  expect(unread).toEqual([]);
  expect(outcomes).toEqual(["opened"]);
  expect(closed).toEqual(["ended"]);
};

describe("a connection that is read", () => {
  test("gives its data when the secrets come first, though nothing is known of it by then", () => {
    giveSecrets();
    readings.open(READ);
    playAll();
    readings.close(ID, "ended", 3);
    expectWhole();
    expect(new Set(ended)).toEqual(new Set(["request", "response"]));
  });

  test("gives its data when the secrets come last", () => {
    readings.open(READ);
    playAll();
    giveSecrets();
    readings.close(ID, "ended", 3);
    expectWhole();
  });

  test("gives its data when it has ended before the secrets come", () => {
    readings.open(READ);
    playAll();
    readings.close(ID, "ended", 3);
    expect([opened, unread, closed]).toEqual([[], [], []]);
    giveSecrets();
    expectWhole();
    expect(readings.has(ID)).toBe(false);
  });

  test("is told at once when the capture ends before its secrets come", () => {
    readings.open(READ);
    playAll();
    readings.close(ID, "ended", 3);
    readings.finishAll();
    expect(unread.map(({ reason }) => reason)).toEqual(["tls_secret_missing"]);
  });

  test("does not outlast its end with more than 16 MiB of all that do", () => {
    for (let id = 100; id < 140; id++) {
      readings.open({ ...READ, id });
      for (const [direction, bytes] of session.steps) {
        if (bytes !== "end") readings.push(id, direction, bytes, 1);
      }
      const record = Buffer.alloc(5 + (1 << 14));
      record.set([0x17, 3, 3, 0x40, 0]);
      for (let count = 0; count < 50; count++) readings.push(id, "response", record, 1);
      readings.close(id, "ended", 3);
    }
    expect(unread).toHaveLength(20);
  });

  test("overwrites the frames it is given", () => {
    const frames = giveSecrets();
    expect(frames.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
  });

  test("is told with its reason when no secret comes in a second, with the bytes that passed", () => {
    vi.useFakeTimers();
    try {
      readings.open(READ);
      playAll();
      readings.close(ID, "ended", 3);
      vi.advanceTimersByTime(999);
      expect(unread).toEqual([]);
      vi.advanceTimersByTime(1);
    } finally {
      vi.useRealTimers();
    }
    const count = (direction: Direction) =>
      session.steps.reduce(
        (sum, [of, bytes]) => sum + (of === direction && bytes !== "end" ? bytes.length : 0),
        0,
      );
    expect(unread).toEqual([
      {
        connection: READ,
        reason: "tls_secret_missing",
        endedAt: 3,
        bytesUp: count("request"),
        bytesDown: count("response"),
      },
    ]);
    expect(opened).toEqual([]);
    expect(outcomes).toEqual(["missing"]);
  });

  test("tells nothing of secrets when the client broke off its handshake", () => {
    readings.open(READ);
    const hello = session.steps.find(([direction]) => direction === "request")!;
    const answer = session.steps.find(([direction]) => direction === "response")!;
    for (const [direction, bytes] of [hello, answer]) readings.push(ID, direction, bytes as Buffer, 1);
    const alert = Buffer.from(`1403030001011703030013${"00".repeat(19)}`, "hex");
    readings.push(ID, "request", alert, 2);
    readings.close(ID, "client_aborted", 3);
    expect(unread.map(({ reason }) => reason)).toEqual(["no_request"]);
    expect(outcomes).toEqual([]);
  });

  test("is given up when no secret comes within a second although data flows", () => {
    vi.useFakeTimers();
    try {
      readings.open(READ);
      playAll();
      expect(outcomes).toEqual([]);
      vi.advanceTimersByTime(1_001);
      expect(outcomes).toEqual(["missing"]);
      giveSecrets();
      readings.close(ID, "ended", 3);
      expect(unread.map(({ reason }) => reason)).toEqual(["tls_secret_missing"]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("has its data when the secrets came while the thread got no processor for longer than that", async () => {
    readings.open(READ);
    playAll();
    const { port1, port2 } = new MessageChannel();
    port1.postMessage("secrets");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_200);
    await once(port2, "message");
    giveSecrets();
    port2.close();
    readings.close(ID, "ended", 3);
    expectWhole();
  });

  test("forgets secrets of connections that nobody opens, after a second", () => {
    vi.useFakeTimers();
    try {
      giveSecrets();
      vi.advanceTimersByTime(3_000);
      readings.open(READ);
      playAll();
      readings.close(ID, "ended", 3);
      vi.advanceTimersByTime(1_000);
      expect(unread.map(({ reason }) => reason)).toEqual(["tls_secret_missing"]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("takes no other connection's secrets", () => {
    readings.open(READ);
    giveSecrets(ID + 1);
    playAll();
    readings.close(ID, "ended", 3);
    expect(data).toEqual({ request: "", response: "" });
  });

  test("that breaks off its handshake tells so, and teaches nothing", () => {
    readings.open(READ);
    const [direction, bytes] = session.steps[0]!;
    readings.push(ID, direction, bytes as Buffer, 1);
    readings.close(ID, "client_aborted", 3);
    expect(unread.map(({ reason }) => reason)).toEqual(["client_handshake_failed"]);
    expect(outcomes).toEqual([]);
  });

  test("whose bytes are no TLS is told, once", () => {
    readings.open(READ);
    for (let count = 0; count < 3; count++)
      readings.push(ID, "request", Buffer.from("GET / HTTP/1.1\r\n\r\n"), 1);
    readings.close(ID, "ended", 3);
    expect(unread.map(({ reason }) => reason)).toEqual(["tls_malformed"]);
    expect(outcomes).toEqual(["failed"]);
  });

  test("that was lost is told by who lost it", () => {
    readings.open(READ);
    playAll();
    readings.close(ID, "capture_lost", 3);
    expect(unread).toEqual([]);
  });
});
