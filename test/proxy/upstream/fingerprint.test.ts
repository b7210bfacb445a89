import { describe, expect, it } from "vitest";
import { abort } from "../../../src/proxy/relay.js";
import { fingerprintOf } from "../../../src/proxy/upstream/fingerprint.js";
import { UpstreamConnector, type UpstreamResult } from "../../../src/proxy/upstream/upstream.js";
import type { ClientHello } from "../../../src/proxy/verdict/client-hello.js";
import { captureHello, clientNames, fingerprints, HOST, helloOf } from "../client-hello-rig.js";
import { ROOT, tlsServer } from "../upstream-rig.js";

const connector = new UpstreamConnector({ roots: [ROOT], env: {} });

interface Seen {
  readonly kind: UpstreamResult["kind"];
  /** The hellos that the server was sent. */
  readonly hellos: readonly Buffer[];
}

/** What a server is sent for a client that sent `hello`. */
async function mirrored(hello: ClientHello, options = {}): Promise<Seen> {
  await using server = await tlsServer(options);
  const result = await connector.connect(server.target, HOST, hello);
  if (result.kind === "secure") abort(result.side);
  return { kind: result.kind, hellos: server.hellos };
}

/** Asked for by curl's OpenSSL; Node has no way to offer it. */
const POST_HANDSHAKE_AUTH = 49;

describe.each(clientNames)("what a server is sent for %s", (name) => {
  it("offers what the client offers, in its order", async () => {
    const bytes = await captureHello(name);
    const theirs = helloOf(bytes);
    const sent = (await mirrored(theirs)).hellos[0]!;
    const ours = helloOf(sent);
    expect(ours.serverName).toBe(theirs.serverName);
    expect(ours.alpn).toEqual(theirs.alpn);
    expect(ours.cipherSuites).toEqual(theirs.cipherSuites);
    expect(ours.groups).toEqual(theirs.groups);
    expect(ours.signatureAlgorithms).toEqual(theirs.signatureAlgorithms);
    expect(Math.max(...ours.versions)).toBe(Math.max(...theirs.versions));
    expect(new Set(ours.extensions)).toEqual(
      new Set(theirs.extensions.filter((id) => id !== POST_HANDSHAKE_AUTH)),
    );
    if (!theirs.extensions.includes(POST_HANDSHAKE_AUTH)) {
      expect(await fingerprints(sent)).toEqual(await fingerprints(bytes));
    }
  });
});

/** As Chrome 131 has it, in JA4's terms t13d1516h2_8daaf6152771_…, without its GREASE. */
const CHROME: ClientHello = {
  random: new Uint8Array(32),
  serverName: HOST,
  alpn: ["h2", "http/1.1"],
  versions: [0x0304, 0x0303],
  cipherSuites: [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d, 0x2f,
    0x35,
  ],
  groups: [4588, 29, 23, 24],
  signatureAlgorithms: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
  extensions: [0, 5, 10, 11, 13, 16, 17513, 18, 23, 27, 35, 43, 45, 51, 65037, 65281],
  resumes: false,
};

describe("what a server is sent for a browser", () => {
  it("has its versions, ciphers, groups and signature algorithms, as far as OpenSSL knows them", async () => {
    const sent = (await mirrored(CHROME)).hellos[0]!;
    const ours = helloOf(sent);
    expect(ours).toMatchObject({
      alpn: CHROME.alpn,
      versions: CHROME.versions,
      signatureAlgorithms: CHROME.signatureAlgorithms,
    });
    expect(ours.cipherSuites.filter((suite) => suite !== 0xff)).toEqual(CHROME.cipherSuites);
    expect(CHROME.groups.filter((group) => ours.groups.includes(group))).toEqual(ours.groups);
    expect(ours.groups).toEqual(expect.arrayContaining([29, 23, 24]));
    expect(ours.extensions).toContain(5);
    expect(ours.extensions).not.toContain(22);
  });
});

describe("a client that has little in common with us", () => {
  it.each([
    ["ciphers", { cipherSuites: [0x000a, 0xc012] }],
    ["groups", { groups: [4588, 0x6399] }],
    ["signature algorithms", { signatureAlgorithms: [0x0420, 0x0708] }],
    ["versions", { versions: [0x7f1c] }],
  ])(
    "is spoken for by Node's defaults where it offers only %s that OpenSSL lacks",
    async (_what, changed) => {
      expect(fingerprintOf({ ...CHROME, ...changed }).key).not.toBe(fingerprintOf(CHROME).key);
      expect((await mirrored({ ...CHROME, ...changed })).kind).toBe("secure");
    },
  );

  it("is spoken for by Node's defaults, on a second try, where the server will have nothing else", async () => {
    const onlyRsa: ClientHello = { ...CHROME, versions: [0x0303], cipherSuites: [0x000a, 0xc02f] };
    const { kind, hellos } = await mirrored(onlyRsa, { maxVersion: "TLSv1.2" });
    expect(hellos.map((hello) => helloOf(hello).cipherSuites.length > 10)).toEqual([false, true]);
    expect(kind).toBe("secure");
  });

  it("is not spoken for by more than it offers, where all of that could be offered", async () => {
    const onlyRsa: ClientHello = { ...CHROME, versions: [0x0303], cipherSuites: [0xc02f], groups: [29] };
    const { kind, hellos } = await mirrored(onlyRsa, { maxVersion: "TLSv1.2" });
    expect(hellos.length).toBe(1);
    expect(kind).toBe("failed");
  });

  it("keeps to TLS 1.0 when it has nothing better", async () => {
    const old: ClientHello = {
      ...CHROME,
      versions: [0x0301],
      cipherSuites: [0xc009],
      signatureAlgorithms: [],
    };
    const { kind, hellos } = await mirrored(old, { minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" });
    expect(helloOf(hellos[0]!).versions).toEqual([0x0301]);
    expect(kind).toBe("secure");
  });
});

describe("the shape of a hello", () => {
  it("is one for hellos that differ in nothing but names, protocols and order of extensions", () => {
    const other: ClientHello = {
      ...CHROME,
      serverName: "other.example.com",
      alpn: [],
      extensions: [...CHROME.extensions].reverse(),
      resumes: true,
    };
    expect(fingerprintOf(other).key).toBe(fingerprintOf(CHROME).key);
  });
});
