import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SiteKind } from "../../src/secrets/site.js";
import { type Started, start } from "../native/clients.js";
import { temporaryFolder } from "../temporary-folder.js";
import { noProbes, PATIENT, Probed, siteNamed } from "./probe-rig.js";

const TRAFFIC = "SERVER_TRAFFIC_SECRET_0";

/** Every kind of site, with a program that calls what TLS stacks call and nothing else (fake-stack.c). */
describe.skipIf(noProbes !== null)("a site of each kind", PATIENT, () => {
  let folder: string;
  let executable: string;
  let fd: number;
  beforeAll(() => {
    folder = temporaryFolder();
    executable = path.join(folder, "fake-stack");
    execFileSync("cc", ["-O1", "-o", executable, path.join(import.meta.dirname, "fake-stack.c")]);
    fd = fs.openSync(executable, "r");
  });
  afterAll(() => {
    fs.closeSync(fd);
    fs.rmSync(folder, { recursive: true });
  });

  const attach = (probed: Probed, symbol: string, kind: SiteKind, key = "fake") =>
    probed.probes.attach(fd, key, [siteNamed(executable, symbol, kind)]);

  async function startStack(): Promise<Started> {
    const stack = start(executable, []);
    await stack.line();
    return stack;
  }

  async function call(stack: Started, place: string, random: Buffer, label: string, secret: Buffer) {
    stack.process.stdin!.write(`${place} ${random.toString("hex")} ${label} ${secret.toString("hex")}\n`);
    expect(await stack.line()).toBe("called");
  }

  /** A handshake that is wanted, and one secret of it. */
  async function oneSecret(
    probed: Probed,
    stack: Started,
    watchId: number,
    place: string,
    label: string,
    length = 48,
  ) {
    const random = randomBytes(32);
    const secret = randomBytes(length);
    probed.probes.want(watchId, stack.pid, random);
    await call(stack, place, random, label, secret);
    return secret;
  }

  it.each([
    ["in the connection", "direct 352", "direct 352"],
    ["at its very end", "direct 4064", "direct 4064"],
    ["behind its first pointer", "pointer 0 48", "pointer 0 48"],
    ["behind its last pointer", "pointer 504 992", "pointer 504 992"],
    ["in a connection with no memory behind it", "edge", "direct 64"],
  ])("keylog: the random is found %s", async (_where, place, same) => {
    await using probed = new Probed();
    await attach(probed, "site_keylog", "keylog");
    await using stack = await startStack();
    const first = await oneSecret(probed, stack, 1, place, TRAFFIC);
    await probed.until((frames) => frames.length > 0);
    expect(probed.frames).toEqual([{ watchId: 1, label: TRAFFIC, candidate: true, secret: first }]);
    await expect.poll(() => probed.probes.stats().places, PATIENT).toBe(1);
    const second = await oneSecret(probed, stack, 2, same, "CLIENT_RANDOM");
    await probed.until((frames) => frames.length > 1);
    expect(probed.frames[1]).toEqual({
      watchId: 2,
      label: "CLIENT_RANDOM",
      candidate: false,
      secret: second,
    });
    // Not wanted: it stays in the kernel.
    const { records, refusedByRandom } = probed.probes.stats();
    await call(stack, same, randomBytes(32), TRAFFIC, randomBytes(48));
    expect(probed.probes.stats()).toMatchObject({ records, refusedByRandom: refusedByRandom + 1 });
  });

  it("keylog: a candidate goes to all the handshakes of its process that are wanted", async () => {
    await using probed = new Probed();
    await attach(probed, "site_keylog", "keylog");
    await using stack = await startStack();
    for (const id of [1, 2, 3]) probed.probes.want(id, stack.pid, randomBytes(32));
    probed.probes.want(4, process.pid, randomBytes(32));
    const secret = randomBytes(32);
    await call(stack, "direct 64", randomBytes(32), TRAFFIC, secret);
    await probed.until((frames) => frames.length >= 3);
    expect(probed.frames.map(({ watchId }) => watchId).sort()).toEqual([1, 2, 3]);
    expect(probed.frames.every((frame) => frame.candidate && frame.secret.equals(secret))).toBe(true);
  });

  it("keylog: what was learned outlasts the probes", async () => {
    await using probed = new Probed();
    const handle = await attach(probed, "site_keylog", "keylog");
    await using stack = await startStack();
    await oneSecret(probed, stack, 1, "direct 64", TRAFFIC);
    await expect.poll(() => probed.probes.stats().places, PATIENT).toBe(1);
    probed.probes.detach(handle);
    await attach(probed, "site_keylog", "keylog");
    const secret = await oneSecret(probed, stack, 2, "direct 64", TRAFFIC);
    await probed.until((frames) => frames.some(({ watchId }) => watchId === 2));
    expect(probed.frames.at(-1)).toEqual({ watchId: 2, label: TRAFFIC, candidate: false, secret });
  });

  it("keylog: a place that turns out wrong is searched anew", async () => {
    await using probed = new Probed();
    await attach(probed, "site_keylog", "keylog");
    await using stack = await startStack();
    await oneSecret(probed, stack, 1, "direct 64", TRAFFIC);
    await expect.poll(() => probed.probes.stats().places, PATIENT).toBe(1);
    await oneSecret(probed, stack, 2, "direct 128", TRAFFIC);
    expect(probed.probes.stats().refusedByRandom).toBe(1);
    probed.probes.unwant(2); // without a secret
    await expect.poll(() => probed.probes.stats().places, PATIENT).toBe(0);
    const secret = await oneSecret(probed, stack, 3, "direct 128", TRAFFIC);
    await probed.until((frames) => frames.some(({ watchId }) => watchId === 3));
    expect(probed.frames.at(-1)!.secret).toEqual(secret);
    await expect.poll(() => probed.probes.stats().places, PATIENT).toBe(1);
    await oneSecret(probed, stack, 4, "direct 128", TRAFFIC);
    await probed.until((frames) => frames.some(({ watchId, candidate }) => watchId === 4 && !candidate));
  });

  it("keylog: a label that is not in the process's memory is read from the file", async () => {
    await using probed = new Probed();
    await attach(probed, "site_keylog", "keylog");
    await using stack = await startStack();
    const secret = await oneSecret(probed, stack, 1, "cold", "-");
    await probed.until((frames) => frames.length > 0);
    expect(probed.frames).toEqual([{ watchId: 1, label: TRAFFIC, candidate: true, secret }]);
  });

  it("keylog: exporters and other labels are not forwarded", async () => {
    await using probed = new Probed();
    await attach(probed, "site_keylog", "keylog");
    await using stack = await startStack();
    for (const label of ["EXPORTER_SECRET", "EARLY_EXPORTER_SECRET", "ECH_SECRET"]) {
      await oneSecret(probed, stack, 1, "direct 64", label);
    }
    const secret = await oneSecret(probed, stack, 1, "direct 64", TRAFFIC);
    await probed.until((frames) => frames.length > 0);
    // The random was found meanwhile: while one program replaces the other, both run.
    expect(probed.frames.every((frame) => frame.secret.equals(secret))).toBe(true);
    expect(probed.probes.stats().unneeded).toBeGreaterThanOrEqual(3);
  });

  it("keylog: secrets of other lengths are no secrets", async () => {
    await using probed = new Probed();
    await attach(probed, "site_keylog", "keylog");
    await using stack = await startStack();
    for (const length of [0, 16, 31, 64])
      await oneSecret(probed, stack, 1, "direct 64", TRAFFIC, length || 1);
    await oneSecret(probed, stack, 1, "direct 64", TRAFFIC, 32);
    await probed.until((frames) => frames.length > 0);
    expect(new Set(probed.frames.map(({ secret }) => secret.length))).toEqual(new Set([32]));
  });

  it("rustls_log: proven by the random from the first on", async () => {
    await using probed = new Probed();
    await attach(probed, "site_log", "rustls_log");
    await using stack = await startStack();
    probed.probes.want(1, stack.pid, randomBytes(32));
    await call(stack, "log", randomBytes(32), "CLIENT_RANDOM", randomBytes(48));
    expect(probed.probes.stats()).toMatchObject({ records: 0, refusedByRandom: 1 });
    const secret = await oneSecret(probed, stack, 2, "log", "CLIENT_RANDOM");
    await probed.until((frames) => frames.length > 0);
    expect(probed.frames).toEqual([{ watchId: 2, label: "CLIENT_RANDOM", candidate: false, secret }]);
  });

  it.each([
    ["frame", 32],
    ["frame", 48],
    ["register", 32],
    ["register", 48],
  ])("rustls_will_log: the secret is found in a %s, %i bytes", async (place, length) => {
    await using probed = new Probed();
    await attach(probed, "site_will_log", "rustls_will_log");
    await using stack = await startStack();
    const secret = await oneSecret(probed, stack, 1, place, TRAFFIC, length);
    await probed.until((frames) => frames.length > 0);
    expect(probed.frames).toContainEqual({ watchId: 1, label: TRAFFIC, candidate: true, secret });
  });

  it.each([
    ["create", "site_create", "nss_hmac_create"],
    ["init", "site_init", "nss_hmac_init"],
  ] as const)("nss: keys of %s are candidates without a label", async (place, symbol, kind) => {
    await using probed = new Probed();
    await attach(probed, symbol, kind);
    await using stack = await startStack();
    await call(stack, place, randomBytes(32), "-", randomBytes(32)); // no handshake of it is wanted
    await oneSecret(probed, stack, 1, place, "-", 20); // some other key
    const secret = await oneSecret(probed, stack, 1, place, "-", 32);
    await probed.until((frames) => frames.length > 0);
    expect(probed.frames).toEqual([{ watchId: 1, label: "unknown", candidate: true, secret }]);
  });
});
