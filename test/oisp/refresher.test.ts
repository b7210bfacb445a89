import { once } from "node:events";
import { expect, it, onTestFinished } from "vitest";
import { loadBundle } from "../../src/oisp/load.js";
import { BundleRefresher, type Clock } from "../../src/oisp/refresher.js";
import { temporaryFolder } from "../temporary-folder.js";
import { serveHttp } from "./bundle-server.js";

const HOUR = 3_600_000;

/** Time that passes only when told to. */
class StoppedClock implements Clock {
  time = 1_000 * HOUR;
  due: number | undefined;
  private callback: (() => void) | undefined;
  now = (): number => this.time;
  setTimeout(callback: () => void, milliseconds: number): object {
    this.due = this.time + milliseconds;
    this.callback = callback;
    return {};
  }
  clearTimeout(): void {
    this.due = undefined;
    this.callback = undefined;
  }
  ring(): void {
    this.time = this.due!;
    this.callback!();
  }
}

async function refresherOf(documents: Array<string | undefined>) {
  const url = await serveHttp((_, response) => {
    const document = documents.length > 1 ? documents.shift() : documents[0];
    response.writeHead(document === undefined ? 500 : 200).end(document);
  });
  const clock = new StoppedClock();
  const options = {
    home: temporaryFolder(),
    url,
    refreshHours: 6,
    supplement: "none" as const,
    now: clock.now,
  };
  const refresher = new BundleRefresher(await loadBundle(options), options, clock);
  onTestFinished(() => refresher.stop());
  refresher.start();
  return { refresher, clock, hours: () => (clock.due! - clock.time) / HOUR };
}

const documentFor = (host: string): string => JSON.stringify({ domain_lookup: { [host]: "example" } });

it("hands out the new bundle when the time has come", async () => {
  const { refresher, clock, hours } = await refresherOf([documentFor("a.example"), documentFor("b.example")]);
  expect(hours()).toBe(6);
  const swapped = once(refresher, "bundle");
  clock.ring();
  const [loaded] = await swapped;
  expect([...loaded.bundle.hosts.keys()]).toEqual(["b.example"]);
  expect(refresher.current).toBe(loaded);
  expect(hours()).toBe(6);
});

it("says nothing new when the document is the same", async () => {
  const { refresher, clock } = await refresherOf([documentFor("a.example")]);
  const same = once(refresher, "unchanged");
  clock.ring();
  await same;
});

it("keeps the bundle in use when the server fails or publishes rubbish, and tries again within the hour", async () => {
  const { refresher, clock, hours } = await refresherOf([documentFor("a.example"), undefined, "{}"]);
  for (const code of ["OXIMY_E_BUNDLE_FETCH", "OXIMY_E_BUNDLE_NO_HOSTS"]) {
    const failed = once(refresher, "failed");
    clock.ring();
    expect((await failed)[0]).toMatchObject({ code });
    expect(hours()).toBe(1);
  }
  expect([...refresher.current.bundle.hosts.keys()]).toEqual(["a.example"]);
});

it("asks within the hour after a start that fell back on the embedded bundle", async () => {
  const { refresher, clock, hours } = await refresherOf([undefined, documentFor("b.example")]);
  expect(refresher.current.origin).toBe("embedded");
  expect(hours()).toBe(1);
  const swapped = once(refresher, "bundle");
  clock.ring();
  await swapped;
});

it("leaves a named file alone, and a stopped one does nothing more", async () => {
  const { refresher, clock } = await refresherOf([documentFor("a.example")]);
  refresher.stop();
  expect(clock.due).toBeUndefined();
  const byFile = new BundleRefresher(
    refresher.current,
    { home: "/nowhere", file: "/nowhere/bundle.json" },
    clock,
  );
  byFile.start();
  expect(clock.due).toBeUndefined();
});
