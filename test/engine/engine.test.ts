import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { CaptureCounters } from "../../src/capture/protocol.js";
import {
  Engine,
  type EngineOptions,
  type Identified,
  type Plane,
  summaryOf,
} from "../../src/engine/engine.js";
import { OximyError } from "../../src/errors.js";
import type { NativeAddon } from "../../src/native/native.js";
import type { AcceptedConnection } from "../../src/proxy/accept/accepted-connection.js";
import type { RelayEnd } from "../../src/proxy/relay.js";
import { defaultSettings } from "../../src/user/settings.js";
import { temporaryFolder } from "../temporary-folder.js";

const BUNDLE = new URL("../../data/oisp-bundle.json", import.meta.url).pathname;
const SERVER = { address: "192.0.2.1", port: 80 };
const PEER = { address: "192.0.2.9", port: 50_000 };
const COUNTERS: CaptureCounters = { events: 3, dropped: 0, lostEvents: 0, lostTaps: 0, gaveUp: {} };
const asking = (host: string) => Buffer.from(`POST /v1/chat/completions HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
const OWNER: Identified = {
  owner: { kind: "process", process: { pid: 7, startTime: 1, uid: 1000, name: "node" }, ancestors: [] },
};
const SECRET = () => new Uint8Array(new ArrayBuffer(4)).fill(7);

/** What happened, in order. */
let steps: string[];
let home: string;

class FakePlane implements Plane {
  readonly bundles: string[] = [];
  readonly given: Uint8Array[] = [];
  open({ host }: { host: string }) {
    steps.push(`tap of ${host}`);
    return { push: () => {}, end: () => {}, close: () => {} };
  }
  openCopied() {
    return { abandon: () => {}, close: () => {} };
  }
  unread({ reason }: { reason: string }): void {
    steps.push(`unread: ${reason}`);
  }
  attach(): void {}
  take(): void {}
  lost(): void {}
  useBundle(document: string): void {
    this.bundles.push(document);
  }
  secrets(bytes: Uint8Array<ArrayBuffer>): void {
    this.given.push(bytes);
  }
  async flush(): Promise<void> {
    steps.push("flushed");
  }
  async close(): Promise<CaptureCounters> {
    steps.push("plane closed");
    return COUNTERS;
  }
}

let plane: FakePlane;

function options(
  more: Partial<EngineOptions> & { settings?: Partial<EngineOptions["settings"]> } = {},
): EngineOptions {
  const say = (text: string) => void steps.push(text);
  return {
    native: {} as NativeAddon,
    log: { debug: () => {}, info: say, warn: say, error: say },
    front: "redirect",
    authority: {
      exists: () => false,
      prepare: () => void steps.push("certificate"),
      issuer: () => {
        throw new Error("nothing is intercepted here");
      },
    },
    startPlane: async () => {
      steps.push("plane started");
      return plane;
    },
    ...more,
    settings: { ...defaultSettings(home), bundleFile: BUNDLE, ...more.settings },
  };
}

/** A connection whose passage ends when the test says so. */
function connection(host: string) {
  let end: (how: RelayEnd) => void = () => {};
  const over = new Promise<RelayEnd>((resolve) => {
    end = resolve;
  });
  const accepted: AcceptedConnection = {
    acceptedAt: Date.now(),
    peer: PEER,
    destination: SERVER,
    clientRemote: SERVER,
    peeked: asking(host),
    isSilent: false,
    take: () => undefined,
    passthrough: ({ address, port }) => {
      steps.push(`to ${address}:${port}`);
      return over;
    },
    reject: () => void steps.push("rejected"),
  };
  return { accepted, end: () => end({ cause: "ended", bytesUp: 1, bytesDown: 2 }) };
}

const listener = {
  port: 4711,
  close: () => void steps.push("listener closed"),
  destroy: () => void steps.push("connections reset"),
};

beforeEach(() => {
  steps = [];
  home = temporaryFolder();
  plane = new FakePlane();
});

describe("the start of an engine", () => {
  it("makes no certificate where connections are redirected", async () => {
    const engine = await Engine.start(options());
    expect(steps).toEqual(["plane started"]);
    await engine.stop(0);
  });

  it.each<[string, Partial<EngineOptions>]>([
    ["programs were pointed at us", { front: "proxy" }],
    ["the command is ours", { front: "command" }],
    ["everybody is shown it", { settings: { trust: "always" } as EngineOptions["settings"] }],
  ])("makes a certificate where %s", async (_, more) => {
    const engine = await Engine.start(options(more));
    expect(steps).toEqual(["certificate", "plane started"]);
    await engine.stop(0);
  });

  it("refuses a folder of events that others could change, and starts nothing", async () => {
    const shared = join(home, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    const started = Engine.start(
      options({ settings: { outputDir: join(shared, "traces") } as EngineOptions["settings"] }),
    );
    await expect(started).rejects.toMatchObject({ code: "OXIMY_E_OUTPUT_DIR" });
    expect(steps).toEqual([]);
  });

  it("fails with what the capture plane says", async () => {
    const broken = new OximyError("OXIMY_E_OUTPUT_DIR", "no room", "Make some.");
    await expect(Engine.start(options({ startPlane: () => Promise.reject(broken) }))).rejects.toBe(broken);
  });

  it("hands over the bundle before there is any traffic", async () => {
    const documents: string[] = [];
    const engine = await Engine.start(options({ onBundle: (document) => void documents.push(document) }));
    expect(documents).toHaveLength(1);
    expect(JSON.parse(documents[0]!)).toHaveProperty("bundle_version");
    await engine.stop(0);
  });
});

describe("a running engine", () => {
  it("passes through to where the client meant to go, and writes nothing of a host that nobody knows", async () => {
    const engine = await Engine.start(options());
    steps = [];
    const { accepted, end } = connection("unknown.example");
    const handled = engine.handle(accepted, Promise.resolve(OWNER));
    end();
    await handled;
    expect(steps).toEqual(["to 192.0.2.1:80"]);
    expect((await engine.stop(0)).connections).toMatchObject({ accepted: 1, passedThrough: 1, open: 0 });
  });

  it("relays and keeps nothing when it is disabled", async () => {
    const engine = await Engine.start(options({ settings: { enabled: false } as EngineOptions["settings"] }));
    const { accepted, end } = connection("api.openai.com");
    const handled = engine.handle(accepted, Promise.resolve(OWNER));
    end();
    await handled;
    expect(steps).toEqual(["to 192.0.2.1:80"]);
    const secret = SECRET();
    engine.takeSecrets(secret);
    expect([...secret]).toEqual([0, 0, 0, 0]);
    expect(engine.copies).toBeUndefined();
    expect(
      await engine.tapRequest({ address: "api.openai.com", port: 80 }, PEER, Promise.resolve(OWNER)),
    ).toBeUndefined();
    expect((await engine.stop(0)).counters).toBeUndefined();
  });

  it("gives secrets to the capture plane alone", async () => {
    const engine = await Engine.start(options());
    const secret = SECRET();
    engine.takeSecrets(secret);
    expect(plane.given).toEqual([secret]);
    await engine.stop(0);
  });

  it.each([
    ["api.openai.com", ["tap of api.openai.com"]],
    ["unknown.example", []],
  ])("taps a plain request to %s as the bundle knows it", async (address, tapped) => {
    const engine = await Engine.start(options());
    steps = [];
    const tap = await engine.tapRequest({ address, port: 443 }, PEER, Promise.resolve(OWNER));
    expect(steps).toEqual(tapped);
    expect(tap !== undefined).toBe(tapped.length > 0);
    await engine.stop(0);
  });
});

describe("the end of an engine", () => {
  it("accepts no more, lets connections end, and closes the capture plane last", async () => {
    const engine = await Engine.start(options());
    engine.serve(listener);
    const { accepted, end } = connection("unknown.example");
    const handled = engine.handle(accepted, Promise.resolve(OWNER));
    steps = [];
    const stopped = engine.stop(60_000);
    await Promise.resolve();
    expect(steps).toEqual(["listener closed"]);
    end();
    await handled;
    expect(await stopped).toMatchObject({ counters: COUNTERS, connections: { open: 0 } });
    expect(steps.slice(1)).toEqual(["connections reset", "plane closed"]);
  });

  it("waits for connections no longer than the grace", async () => {
    const engine = await Engine.start(options());
    engine.serve(listener);
    const { accepted, end } = connection("unknown.example");
    void engine.handle(accepted, Promise.resolve(OWNER));
    const { connections } = await engine.stop(20);
    expect(connections.open).toBe(1);
    expect(steps.slice(-2)).toEqual(["connections reset", "plane closed"]);
    end();
  });

  it("is told in one line", () => {
    const connections = { accepted: 9, read: 3, intercepted: 1, passedThrough: 4, refused: 1, open: 0 };
    expect(summaryOf({ connections, counters: { ...COUNTERS, lostEvents: 2, lostTaps: 1 } })).toBe(
      "3 events; 4 connections read (1 intercepted), 4 passed through, 1 refused our certificate; lost: 2 events, 1 connection.",
    );
  });
});
