import fs from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { SecretService, type SecretServiceOptions } from "../../src/secrets/secret-service.js";
import type { StackFile, Stacks } from "../../src/secrets/stack.js";

const RANDOM = Buffer.alloc(32, 7);
const open = () => fs.openSync("/dev/null", "r");
const file = (key: string, from = open): StackFile => ({
  key,
  sites: [{ kind: "keylog", offset: 64 }],
  openFile: from,
});
const known = (...files: StackFile[]): Stacks => ({ kind: "known", files });

/** Probes that are placed when the test says so. */
class FakeProbes {
  readonly calls: string[] = [];
  readonly pending = new Map<string, { placed(): void; refused(why: string): void }>();
  full = false;
  private handle = 0;

  attach(fd: number, key: string): Promise<number> {
    expect(fs.fstatSync(fd).isCharacterDevice()).toBe(true);
    this.calls.push(`attach ${key}`);
    const handle = ++this.handle;
    return new Promise((resolve, reject) => {
      this.pending.set(key, { placed: () => resolve(handle), refused: (why) => reject(new Error(why)) });
    });
  }
  detach(handle: number): void {
    this.calls.push(`detach ${handle}`);
  }
  want(watchId: number, pid: number, random: Uint8Array): boolean {
    expect(random).toEqual(RANDOM);
    if (!this.full) this.calls.push(`want ${watchId} of ${pid}`);
    return !this.full;
  }
  unwant(watchId: number): void {
    this.calls.push(`unwant ${watchId}`);
  }
  /** What was called since the last time. */
  taken(): string[] {
    return this.calls.splice(0);
  }
}

describe("the service of secrets", () => {
  const probes = new FakeProbes();
  let stacks: Record<number, Stacks> = {};
  let now = 0;
  let service: SecretService | undefined;

  function make(options: Partial<SecretServiceOptions> = {}): SecretService {
    const sitesOf = (pid: number, startTime: number): Stacks => {
      expect(startTime).toBe(99);
      return stacks[pid]!;
    };
    service = new SecretService({ probes, finder: { sitesOf }, now: () => now, unusedMs: 1_000, ...options });
    return service;
  }
  afterEach(() => {
    service?.close();
    probes.taken();
    probes.full = false;
    stacks = {};
    now = 0;
  });

  const watch = (of: SecretService, id: number, pid: number) => of.watch(id, pid, 99, RANDOM);

  async function ready(of: SecretService, id: number, pid: number) {
    const answer = watch(of, id, pid);
    return answer.state === "searching" ? answer.ready : expect.fail(`${answer.state} at once`);
  }

  it("places probes for the first connection of a program, and says known at once from then on", async () => {
    const of = make();
    stacks = { 5: known(file("libssl")), 6: known(file("libssl")) };
    const first = ready(of, 1, 5);
    const meanwhile = ready(of, 2, 6);
    expect(probes.taken()).toEqual(["want 1 of 5", "attach libssl", "want 2 of 6"]);
    probes.pending.get("libssl")!.placed();
    expect(await first).toEqual({ state: "known" });
    expect(await meanwhile).toEqual({ state: "known" });
    expect(watch(of, 3, 5)).toEqual({ state: "known" });
    of.unwatch(3);
    expect(probes.taken()).toEqual(["want 3 of 5", "unwant 3"]);
  });

  it("waits for the probes of all the stacks of a process, and needs one", async () => {
    const of = make();
    stacks = { 5: known(file("libssl"), file("gnutls")) };
    const answer = ready(of, 1, 5);
    probes.pending.get("gnutls")!.refused("no room");
    probes.pending.get("libssl")!.placed();
    expect(await answer).toEqual({ state: "known" });
  });

  it("wants nothing of a process without sites", () => {
    stacks = { 5: { kind: "none", reason: "a Java program" } };
    expect(watch(make(), 1, 5)).toEqual({ state: "none", reason: "a Java program" });
    expect(probes.taken()).toEqual([]);
  });

  it("places probes when the search has found sites", async () => {
    const of = make();
    stacks = { 5: { kind: "searching", done: Promise.resolve(known(file("codex"))) } };
    const answer = ready(of, 1, 5);
    await expect.poll(() => probes.taken()).toEqual(["want 1 of 5", "attach codex"]);
    probes.pending.get("codex")!.placed();
    expect(await answer).toEqual({ state: "known" });
  });

  it("places probes in files that turn out to have sites later, for later connections", async () => {
    const of = make();
    let found: (stacks: Stacks) => void = () => {};
    const more = new Promise<Stacks>((resolve) => {
      found = resolve;
    });
    stacks = { 5: { kind: "known", files: [file("libssl")], more } };
    const answer = ready(of, 1, 5);
    probes.pending.get("libssl")!.placed();
    expect(await answer).toEqual({ state: "known" });
    probes.taken();
    found(known(file("libssl"), file("extension")));
    await expect.poll(() => probes.taken()).toEqual(["attach extension"]);
  });

  it("gives a handshake up whose search found nothing", async () => {
    const of = make();
    stacks = { 5: { kind: "searching", done: Promise.resolve({ kind: "none", reason: "no TLS stack" }) } };
    expect(await ready(of, 1, 5)).toEqual({ state: "none", reason: "no TLS stack" });
    expect(probes.taken()).toEqual(["want 1 of 5", "unwant 1"]);
  });

  it("says why probes cannot be placed, and tries again later, not each time", async () => {
    const of = make();
    stacks = { 5: known(file("app")) };
    const answer = ready(of, 1, 5);
    probes.pending.get("app")!.refused("an executable on a FUSE file system");
    const none = { state: "none", reason: "probes cannot be attached: an executable on a FUSE file system" };
    expect(await answer).toEqual(none);
    probes.taken();
    now = 999;
    of.detachUnused();
    expect(watch(of, 2, 5)).toEqual(none);
    expect(probes.taken()).toEqual(["want 2 of 5", "unwant 2"]);
    now = 1_000;
    of.detachUnused();
    expect(watch(of, 3, 5).state).toBe("searching");
    expect(probes.taken()).toEqual(["want 3 of 5", "attach app"]);
  });

  it("says so when the process has ended meanwhile", async () => {
    const of = make();
    const gone = () => {
      throw new Error("the process has ended");
    };
    stacks = { 5: known(file("app", gone)) };
    expect(await ready(of, 1, 5)).toEqual({
      state: "none",
      reason: "probes cannot be attached: the process has ended",
    });
  });

  it("says so when too many handshakes are wanted", () => {
    const of = make();
    stacks = { 5: known(file("app")) };
    probes.full = true;
    expect(watch(of, 1, 5)).toEqual({ state: "none", reason: "too many concurrent handshakes" });
    expect(probes.taken()).toEqual([]);
  });

  it("removes probes that were not used for long, and places them again when they are", async () => {
    const of = make();
    stacks = { 5: known(file("libssl")), 6: known(file("node")) };
    for (const [pid, key] of [
      [5, "libssl"],
      [6, "node"],
    ] as const) {
      const answer = ready(of, pid, pid);
      probes.pending.get(key)!.placed();
      await answer;
    }
    now = 900;
    watch(of, 7, 6);
    probes.taken();
    now = 1_000;
    of.detachUnused();
    expect(probes.taken()).toEqual([expect.stringMatching(/^detach \d+$/)]);
    expect(watch(of, 8, 6)).toEqual({ state: "known" });
    expect(watch(of, 9, 5).state).toBe("searching");
  });

  it("removes all when it closes, also those that come later", async () => {
    const of = make();
    stacks = { 5: known(file("libssl")), 6: known(file("node")) };
    const first = ready(of, 1, 5);
    probes.pending.get("libssl")!.placed();
    await first;
    const second = ready(of, 2, 6);
    probes.taken();
    of.close();
    expect(probes.taken()).toHaveLength(1);
    probes.pending.get("node")!.placed();
    await second;
    expect(probes.taken()).toHaveLength(1);
  });
});
