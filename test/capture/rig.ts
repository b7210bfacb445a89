import { onTestFinished } from "vitest";
import { CapturePlane, type CapturePlaneOptions } from "../../src/capture/plane.js";
import type { CaptureOptions } from "../../src/capture/protocol.js";
import type { Connection, UnreadConnection } from "../../src/connection/connection.js";
import { DEFAULT_LIMITS } from "../../src/exchange/exchange.js";
import { Inbox } from "../proxy/front-rig.js";

export const captureOptions = (outputDir: string): CaptureOptions => ({
  outputDir,
  includeRaw: true,
  limits: DEFAULT_LIMITS,
  allHosts: false,
  feed: true,
});

export function connection(id: number, fields: Partial<Connection> = {}): Connection {
  return {
    id,
    acceptedAt: Date.UTC(2026, 0, 9),
    host: "api.openai.com",
    port: 443,
    scheme: "https",
    protocol: "http/1.1",
    peer: { address: "127.0.0.1", port: 50_000 + id },
    destination: { address: "192.0.2.1", port: 443 },
    owner: { kind: "unknown", reason: "test" },
    ...fields,
  };
}

/** What the fake thread tells of each operation that reached it. */
export interface Echo {
  readonly code: number;
  readonly id: number;
  readonly argument: number;
  readonly text?: string;
  readonly told?: UnreadConnection;
}

export interface Rig {
  readonly plane: CapturePlane;
  readonly echoes: Inbox<Echo>;
  readonly log: Inbox<string>;
}

/** A plane over the fake thread; it is closed with the test. */
export async function startPlane(options: Partial<CapturePlaneOptions> = {}): Promise<Rig> {
  const [echoes, log] = [new Inbox<Echo>(), new Inbox<string>()];
  const plane = await CapturePlane.start({
    capture: captureOptions(""),
    bundleDocument: "{}",
    threadUrl: new URL("fake-thread.mjs", import.meta.url),
    onEvent: (event) => echoes.put(event as Echo),
    log: (level, message) => log.put(`${level}: ${message}`),
    ...options,
  });
  onTestFinished(async () => void (await plane.close()));
  return { plane, echoes, log };
}

/** The next thing in the inbox that is meant; what comes before is passed over. */
export async function nextOf<T>(inbox: Inbox<T>, isMeant: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await inbox.next();
    if (isMeant(value)) return value;
  }
}
