import fs from "node:fs";
import { release } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SecretProbes } from "../../src/secrets/probes.js";
import type { Site } from "../../src/secrets/site.js";
import { isRoot } from "../native/clients.js";
import {
  asLine,
  NODE_HAS_SITE,
  NodeClient,
  noProbes,
  PATIENT,
  PrivateFile,
  Probed,
  siteNamed,
  TlsRelay,
} from "./probe-rig.js";

if (isRoot && noProbes !== null) console.warn(`no probes can be placed here: ${noProbes}`);

const TLS13_LABELS = [
  "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
  "CLIENT_TRAFFIC_SECRET_0",
  "SERVER_HANDSHAKE_TRAFFIC_SECRET",
  "SERVER_TRAFFIC_SECRET_0",
];

describe.skipIf(noProbes !== null || !NODE_HAS_SITE)("probes in a Node process", PATIENT, () => {
  let node: PrivateFile;
  let site: Site;
  beforeAll(() => {
    node = new PrivateFile(process.execPath);
    site = siteNamed(node.path, "ssl_log_secret");
  }, PATIENT.timeout);
  afterAll(() => node[Symbol.dispose]());

  /** A client whose file has probes that know the place of the random, and a relay that wants nothing yet. */
  async function warm(probed: Probed): Promise<{ client: NodeClient; relay: TlsRelay; handle: number }> {
    const handle = await probed.probes.attach(node.fd, "node", [site]);
    const client = await NodeClient.start(node.path);
    const relay = await TlsRelay.listen();
    relay.onHello = (random) => probed.probes.want(1, client.pid, random);
    await client.connect(relay.port);
    await expect.poll(() => probed.probes.stats().places, PATIENT).toBe(1);
    probed.probes.unwant(1);
    relay.onHello = () => {};
    // One more, so that nothing of the first is on its way any more.
    relay.onHello = (random) => probed.probes.want(2, client.pid, random);
    await client.connect(relay.port);
    await probed.until((frames) => frames.filter(({ watchId }) => watchId === 2).length === 4);
    probed.probes.unwant(2);
    relay.onHello = () => {};
    probed.frames.length = 0;
    return { client, relay, handle };
  }

  it.each([
    ["multi", "TLSv1.3"],
    ["multi", "TLSv1.2"],
    ["perf", "TLSv1.3"],
    ["perf", "TLSv1.2"],
  ] as const)("bring the client's own secrets: attached by %s, %s", async (method, version) => {
    await using probed = new Probed({ method });
    await probed.probes.attach(node.fd, "node", [site]);
    await using client = await NodeClient.start(node.path);
    await using relay = await TlsRelay.listen();
    const watched = new Map<number, string>();
    let watchId = 4_000_000_000;
    relay.onHello = (random) => {
      watched.set(++watchId, random.toString("hex"));
      return probed.probes.want(watchId, client.pid, random);
    };
    const labels = version === "TLSv1.2" ? ["CLIENT_RANDOM"] : TLS13_LABELS;
    for (let i = 0; i < 3; i++) {
      const { lines, errors } = await client.connect(relay.port, { version });
      expect(errors).toEqual([]);
      const own = lines
        .filter(({ label }) => labels.includes(label))
        .map(({ label, secret }) => `${label} ${secret}`);
      const mine = () => new Set(probed.frames.filter((frame) => frame.watchId === watchId).map(asLine));
      await probed.until(() => mine().size >= labels.length);
      expect([...mine()].sort()).toEqual(own.sort());
      expect(lines[0]?.random).toBe(watched.get(watchId));
      await expect.poll(() => probed.probes.stats().places, PATIENT).toBe(1);
      probed.probes.unwant(watchId);
    }
    // Where the random lies was learned from the first; from then on each secret is proven.
    expect(probed.frames.filter(({ candidate, watchId: id }) => candidate && id === watchId)).toEqual([]);
    expect(probed.probes.stats()).toMatchObject({ dropped: 0, lost: 0, unreadable: 0 });
  });

  it("let only the wanted secrets out of the kernel: 6 wanted connections and 500 beside", async () => {
    await using probed = new Probed();
    const { client, relay } = await warm(probed);
    await using _client = client;
    await using _relay = relay;
    const before = probed.probes.stats();
    const wanted = new Map<number, string>();
    let hello = 0;
    relay.onHello = (random) => {
      if (++hello % 80 !== 1 || wanted.size === 6) return;
      wanted.set(100 + wanted.size, random.toString("hex"));
      probed.probes.want(99 + wanted.size, client.pid, random);
    };
    const { lines, errors } = await client.connect(relay.port, { count: 506 });
    expect(errors).toEqual([]);
    expect(new Set(lines.map(({ random }) => random)).size).toBe(506);
    await probed.until((frames) => frames.length >= 24);
    const named = probed.frames.map((frame) => `${frame.watchId} ${asLine(frame)}`);
    const own = [...wanted].flatMap(([id, random]) =>
      lines
        .filter((line) => line.random === random && TLS13_LABELS.includes(line.label))
        .map(({ label, secret }) => `${id} ${label} ${secret}`),
    );
    expect(named.sort()).toEqual(own.sort());
    expect(probed.frames.every(({ candidate }) => !candidate)).toBe(true);
    const after = probed.probes.stats();
    expect(after.records - before.records).toBe(24);
    const refused = (of: typeof after) => of.refusedByRandom + of.refusedByProcess;
    expect(refused(after) - refused(before)).toBe(500 * 5);
    expect(after.unneeded - before.unneeded).toBe(6); // the exporters, which stay in the kernel too
  });

  it("let nothing out of another process that runs the same file", async () => {
    await using probed = new Probed();
    const { client, relay } = await warm(probed);
    await using _client = client;
    await using _relay = relay;
    await using other = await NodeClient.start(node.path);
    const before = probed.probes.stats();
    relay.onHello = (random) => probed.probes.want(7, client.pid, random);
    await other.connect(relay.port); // its random is wanted, but of another process
    const after = probed.probes.stats();
    expect(after.records).toBe(before.records);
    expect(after.refusedByProcess - before.refusedByProcess).toBe(5);
    expect(probed.frames).toEqual([]);
  });

  it("let nothing out of a handshake that is wanted no more", async () => {
    await using probed = new Probed();
    const { client, relay } = await warm(probed);
    await using _client = client;
    await using _relay = relay;
    const before = probed.probes.stats();
    relay.onHello = (random) => {
      probed.probes.want(7, client.pid, random);
      probed.probes.unwant(7);
    };
    await client.connect(relay.port);
    expect(probed.probes.stats()).toMatchObject({ records: before.records, wanted: 0 });
    expect(probed.frames).toEqual([]);
  });

  it("forget a handshake that nobody gives up", async () => {
    await using probed = new Probed({ wantedMs: 30 });
    await using client = await NodeClient.start(node.path);
    for (let id = 1; id <= 3; id++) probed.probes.want(id, client.pid, Buffer.alloc(32, id));
    expect(probed.probes.stats().wanted).toBeGreaterThan(0);
    await expect.poll(() => probed.probes.stats().wanted, PATIENT).toBe(0);
  });

  it("are there or not without a client's noticing: 40 times, while it connects", async () => {
    await using probed = new Probed();
    await using client = await NodeClient.start(node.path);
    await using relay = await TlsRelay.listen();
    let id = 0;
    relay.onHello = (random) => probed.probes.want(++id, client.pid, random);
    let attaching = true;
    const attachments = (async () => {
      for (let i = 0; i < 40; i++) {
        probed.probes.detach(await probed.probes.attach(node.fd, `node ${i % 4}`, [site]));
      }
      attaching = false;
    })();
    while (attaching) {
      const { lines, errors } = await client.connect(relay.port, { count: 4 });
      expect(errors).toEqual([]);
      expect(new Set(lines.map(({ random }) => random)).size).toBe(4);
    }
    await attachments;
    expect(relay.errors).toEqual([]);
    await expect.poll(() => probed.probes.stats().probes, PATIENT).toBe(0);
    const { errors } = await client.connect(relay.port);
    expect(errors).toEqual([]);
  });

  it("are said to be possible in those ways that the kernel has", () => {
    // Links for many sites came with Linux 6.6; an older one loads their programs, and then places none.
    const [major = 0, minor = 0] = release().split(".").map(Number);
    const hasMulti = major > 6 || (major === 6 && minor >= 6);
    expect(SecretProbes.support("perf")).toBeNull();
    expect(SecretProbes.support("multi") === null).toBe(hasMulti);
    expect(SecretProbes.support()).toBeNull();
  });

  it("refuse what is no file", async () => {
    await using probed = new Probed();
    const fd = fs.openSync("/dev/null", "r");
    await expect(probed.probes.attach(fd, "null", [site])).rejects.toThrow(/not a regular file/);
    fs.closeSync(fd);
    await expect(probed.probes.attach(999_999, "closed", [site])).rejects.toThrow(/executable/);
  });
});

describe("probes without the right to", () => {
  it.skipIf(isRoot)("say why they cannot be placed", () => {
    expect(SecretProbes.support()).toMatch(/\w/);
    expect(() => new SecretProbes(1)).toThrow(/secrets of other programs cannot be read/);
  });
});
