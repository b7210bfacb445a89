import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabProcess } from "../../lab/lab-process.js";
import { groupOf, type Way, writeBundle } from "./echo-lab.js";
import { LabOximy, PROJECT } from "./oximy.js";
import { requireLab } from "./require-lab.js";
import { readScan } from "./sslscan.js";
import { STRICT_SERVER, type StrictSettings } from "./strict-server.js";

const AEAD = "ECDHE+AESGCM:ECDHE+CHACHA20";
/** What the server speaks; its key is one of RSA, ours of P-256. */
const SERVERS: ReadonlyArray<StrictSettings & { readonly name: string }> = [
  { name: "modern.example", minVersion: "TLSv1.2", maxVersion: "TLSv1.3", ciphers: AEAD },
  { name: "newest.example", minVersion: "TLSv1.3", maxVersion: "TLSv1.3" },
  { name: "middling.example", minVersion: "TLSv1.2", maxVersion: "TLSv1.2", ciphers: AEAD },
  { name: "lenient.example", minVersion: "TLSv1.2", maxVersion: "TLSv1.3", ciphers: "DEFAULT" },
  { name: "old.example", minVersion: "TLSv1", maxVersion: "TLSv1.2", ciphers: "DEFAULT:@SECLEVEL=0" },
  { name: "legacy.example", minVersion: "TLSv1.2", maxVersion: "TLSv1.2", ciphers: "AES128-SHA" },
];
const NAMES = SERVERS.map(({ name }) => name);

/** What a client of TLS 1.2 may offer, best last: the server's order counts. */
const OFFERS = [
  { name: "old suites before new ones", args: ["-tls1_2", "-cipher", "AES128-SHA:ECDHE+SHA1:ECDHE+AESGCM"] },
  {
    name: "new suites for RSA, and old ones for ECDSA",
    args: ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256"],
  },
  { name: "suites for RSA only", args: ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"] },
  { name: "suites without forward secrecy", args: ["-tls1_2", "-cipher", "AES128-SHA"] },
  { name: "signatures of RSA only", args: ["-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"] },
  { name: "all, TLS 1.0 too", args: ["-cipher", "ALL:@SECLEVEL=0", "-min_protocol", "TLSv1"] },
  { name: "what it does by itself", args: [] },
] as const;

const unsuited = requireLab() || withoutScanner();

function withoutScanner(): string | false {
  if (spawnSync("sslscan", ["--version"]).status === 0) return false;
  const reason = "sslscan is not installed (sh scripts/install-lab-clients.sh)";
  console.warn(`skipped, ${reason}`);
  return reason;
}

describe.skipIf(unsuited)("through us, where a client is intercepted", () => {
  let lab: Lab;
  let oximy: LabOximy;
  const forwards = new Map<Way, { process: LabProcess; ports: readonly number[] }>();
  const portOf = (way: Way, name: string) => forwards.get(way)!.ports[NAMES.indexOf(name)]!;

  beforeAll(async () => {
    lab = await createLab();
    const servers = SERVERS.map(({ name, ...settings }) =>
      lab.addServerOf(STRICT_SERVER, { names: [name], ...settings }),
    );
    await Promise.all(servers);
    oximy = await LabOximy.start(lab, ["--trust", "always"], { OXIMY_BUNDLE_FILE: writeBundle(lab, NAMES) });
    lab.trust(readFileSync(oximy.certificate, "utf8"));
    const env = { NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt" };
    for (const way of ["direct", "through"] as const) {
      const args = ["--tls-cipher-list=DEFAULT:@SECLEVEL=0", "test/lab/clients/forward.mjs", ...NAMES];
      const process = lab.machine.spawn("node", args, { cwd: PROJECT, env, ...groupOf(way) });
      await process.printed(/\]\n/);
      forwards.set(way, { process, ports: JSON.parse(process.stdout) as number[] });
    }
  }, 180_000);
  afterAll(async () => {
    for (const { process } of forwards.values()) await process.stop();
    await oximy?.stop();
    await lab?.close();
  });

  const scan = async (way: Way, name: string) => {
    const args = ["--xml=-", "--no-colour", `--sni-name=${name}`, `127.0.0.1:${portOf(way, name)}`];
    const { code, stdout } = await lab.machine.exec("sslscan", args, { timeout: 120_000 });
    expect(code).toBe(0);
    return readScan(stdout);
  };

  const session = async (
    way: Way,
    name: string,
    offer: readonly string[],
    input = "GET / HTTP/1.0\r\n\r\n",
  ) => {
    const args = ["s_client", "-connect", `127.0.0.1:${portOf(way, name)}`, "-servername", name, ...offer];
    const { stdout, stderr } = await lab.machine.exec("openssl", args, { input });
    return {
      version:
        /^ {4}Protocol {2}: (.*)$/m.exec(stdout)?.[1] ?? /^New, (TLSv1\.3|\(NONE\))/m.exec(stdout)?.[1],
      suite: /^New, \S+, Cipher is (?!\(NONE\))(.*)$/m.exec(stdout)?.[1],
      alert: /(?:alert |:)(no renegotiation|handshake failure|protocol version|insufficient security)/.exec(
        stderr,
      )?.[1],
    };
  };

  /** Sessions under our certificate. */
  const withUs = () => oximy.events.filter(({ metadata }) => metadata.via === "intercept").length;

  it.each(SERVERS.flatMap(({ name }) => OFFERS.map((offer) => ({ server: name, ...offer }))))(
    "a session comes about as with $server itself, and is as strong, with $name",
    async ({ server, args }) => {
      const direct = await session("direct", server, args);
      const through = await session("through", server, args);
      expect(through.version).toBe(direct.version);
      expect(through.alert).toBe(direct.alert);
      expect(rank(through.suite)).toBeGreaterThanOrEqual(rank(direct.suite));
    },
    60_000,
  );

  it("a client of TLS 1.2 may renegotiate as little as with the server itself", async () => {
    const args = ["-tls1_2", "-cipher", "ECDHE+AESGCM"];
    const direct = await session("direct", "modern.example", args, "R\n");
    expect(direct.alert).toBe("no renegotiation");
    expect((await session("through", "modern.example", args, "R\n")).alert).toBe(direct.alert);
  });

  it("these sessions were with us, and those that could not be are told", async () => {
    const reasons = () => oximy.events.map(({ metadata }) => metadata.reason);
    await expect.poll(reasons).toContain("client_lacks_ecdsa");
    expect(withUs()).toBeGreaterThanOrEqual(2 * SERVERS.length);
    expect(reasons()).not.toContain("client_refused_before");
  });

  it.each(SERVERS)(
    "sslscan finds nothing weaker than at the server itself: $name",
    async ({ name }) => {
      const direct = await scan("direct", name);
      const before = withUs();
      const through = await scan("through", name);
      await expect.poll(withUs).toBeGreaterThan(before);
      expect(direct.suites.length).toBeGreaterThan(0);
      expect(through.versions).toEqual(direct.versions);
      expect(through.flaws).toEqual(direct.flaws);
      // What has no forward secrecy at the server may have it through us.
      if (direct.groups.length > 0) expect(through.groups).toEqual(direct.groups);
      const asGood = new Set(direct.suites.map((suite) => suite.replace(/ (?!ECDHE|TLS_)/, " ECDHE-RSA-")));
      const added = through.suites.filter((suite) => !direct.suites.includes(suite) && !asGood.has(suite));
      expect(added.filter((suite) => !/GCM|CHACHA20/.test(suite))).toEqual([]);
      expect(direct.key).toEqual({ type: "RSA", bits: 2048 });
      // P-256: sslscan tells the strength of keys of elliptic curves, not their size.
      expect([direct.key, { type: "EC", bits: 128 }]).toContainEqual(through.key);
      expect([direct.signature, "ecdsa-with-SHA256"]).toContain(through.signature);
    },
    240_000,
  );
});

/** AEAD above what is not, forward secrecy above what has none; 0 where no session came about. */
function rank(suite: string | undefined): number {
  if (suite === undefined) return 0;
  return 1 + (/GCM|CHACHA20/.test(suite) ? 2 : 0) + (/^(TLS_|ECDHE|DHE)/.test(suite) ? 1 : 0);
}
