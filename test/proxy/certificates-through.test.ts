/**
 * What clients make of servers' certificates directly, and through us. Where a client refuses, it must refuse through
 * us too; whom we show our own certificate must have had nothing to refuse.
 */

import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { UnreadConnection } from "../../src/connection/connection.js";
import { makeCaCertificate } from "../../src/proxy/ca.js";
import { DataPlane } from "../../src/proxy/data-plane.js";
import { LeafMint } from "../../src/proxy/leaf.js";
import { listen } from "../../src/proxy/listener.js";
import { UpstreamConnector } from "../../src/proxy/upstream.js";
import { temporaryFolder } from "../temporary-folder.js";
import { type ServerCertificate, TestAuthority } from "./certificate-rig.js";
import { HOST } from "./client-hello-rig.js";
import { client, INTERCEPT_ALL, program, trustBook } from "./trust-rig.js";

const has = (command: string) =>
  spawnSync(command, [command === "openssl" ? "version" : "--version"]).status === 0;
const caKey = generateKeyPairSync("ec", { namedCurve: "P-256" });
const OURS = makeCaCertificate(caKey.privateKey);

/** A client of the system, which trusts both authorities: how it ends, and what it got. */
type Client = (port: number, roots: string) => readonly [command: string, args: readonly string[]];
const curl =
  (...options: string[]): Client =>
  (port, roots) => [
    "curl",
    ["-s", "--cacert", roots, "--connect-to", `::127.0.0.1:${port}`, ...options, `https://${HOST}/`],
  ];
const CURL = curl();
const CURL_STATUS = curl("--cert-status");
const GNUTLS: Client = (port, roots) => [
  "gnutls-cli",
  [
    "--x509cafile",
    roots,
    "--sni-hostname",
    HOST,
    "--verify-hostname",
    HOST,
    "--port",
    String(port),
    "127.0.0.1",
  ],
];

async function run([command, args]: ReturnType<Client>) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.on("error", () => {}).end("GET / HTTP/1.0\r\n\r\n");
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, got: output.includes("the answer") };
}

interface Case {
  readonly name: string;
  readonly client: Client;
  readonly server: (ca: TestAuthority) => ServerCertificate & { readonly staple?: Buffer };
  /** Whether it comes about directly. */
  readonly comesAbout: boolean;
  /** Whether the client is shown our certificate. */
  readonly isIntercepted: boolean;
}

const stapled =
  (status: "good" | "revoked" | "unknown"): Case["server"] =>
  (ca) => {
    const leaf = ca.issue();
    return { ...leaf, staple: ca.ocsp(leaf, status) };
  };
const MUST_STAPLE = { extensions: ["1.3.6.1.5.5.7.1.24=DER:30:03:02:01:05"] };
const stapledByAnother: Case["server"] = (ca) => {
  const leaf = ca.issue();
  return { ...leaf, staple: ca.ocsp(leaf, "good", new TestAuthority("Another")) };
};
const plain: Case["server"] = (ca) => ca.issue();
const curve = (name: string) => ["ec", "-pkeyopt", `ec_paramgen_curve:${name}`];

const CASES: readonly Case[] = [
  { name: "a good one", client: CURL, server: plain, comesAbout: true, isIntercepted: true },
  {
    name: "one of P-256",
    client: CURL,
    server: (ca) => ca.issue({ key: curve("P-256") }),
    comesAbout: true,
    isIntercepted: true,
  },
  {
    name: "a key of 1024 bits",
    client: CURL,
    server: (ca) => ca.issue({ key: ["rsa:1024"] }),
    comesAbout: false,
    isIntercepted: false,
  },
  {
    name: "a signature with SHA-1",
    client: CURL,
    server: (ca) => ca.issue({ digest: "-sha1" }),
    comesAbout: false,
    isIntercepted: false,
  },
  {
    name: "no staple, and a client that wants one",
    client: CURL_STATUS,
    server: plain,
    comesAbout: false,
    isIntercepted: true,
  },
  {
    name: "a good staple, and a client that wants one",
    client: CURL_STATUS,
    server: stapled("good"),
    comesAbout: true,
    isIntercepted: true,
  },
  {
    name: "a staple that says revoked",
    client: CURL_STATUS,
    server: stapled("revoked"),
    comesAbout: false,
    isIntercepted: false,
  },
  {
    name: "a staple that says unknown",
    client: CURL_STATUS,
    server: stapled("unknown"),
    comesAbout: false,
    isIntercepted: false,
  },
  {
    name: "a staple that another signed",
    client: CURL_STATUS,
    server: stapledByAnother,
    comesAbout: false,
    isIntercepted: false,
  },
  {
    name: "a staple that is none",
    client: CURL_STATUS,
    server: (ca) => ({ ...ca.issue(), staple: Buffer.from("30030a0106", "hex") }),
    comesAbout: false,
    isIntercepted: false,
  },
  {
    name: "a staple that says revoked, to a client that does not ask",
    client: CURL,
    server: stapled("revoked"),
    comesAbout: true,
    isIntercepted: true,
  },
  {
    name: "a good staple, to GnuTLS",
    client: GNUTLS,
    server: stapled("good"),
    comesAbout: true,
    isIntercepted: true,
  },
  { name: "no staple, to GnuTLS", client: GNUTLS, server: plain, comesAbout: true, isIntercepted: true },
  {
    name: "a staple that says revoked, to GnuTLS",
    client: GNUTLS,
    server: stapled("revoked"),
    comesAbout: false,
    isIntercepted: false,
  },
  {
    name: "a staple that it must have and has not, to GnuTLS",
    client: GNUTLS,
    server: (ca) => ca.issue(MUST_STAPLE),
    comesAbout: false,
    isIntercepted: false,
  },
];

describe.skipIf(!has("curl") || !has("openssl"))("of a server's certificate", () => {
  let ca: TestAuthority;
  let roots: string;
  let plane: DataPlane;
  let through: Awaited<ReturnType<typeof listen>>;
  let target = { address: "127.0.0.1", port: 0 };
  const unread: UnreadConnection[] = [];

  beforeAll(async () => {
    ca = new TestAuthority();
    roots = join(temporaryFolder(), "roots.pem");
    writeFileSync(roots, ca.pem + OURS);
    const certificate = new X509Certificate(OURS);
    const mint = new LeafMint({ certificate, certificatePem: OURS, certificatePath: "", ...caKey });
    plane = new DataPlane({
      mint: () => mint,
      upstream: new UpstreamConnector({ roots: [ca.pem], env: {} }),
      taps: {
        open: () => ({ push() {}, end() {}, close() {} }),
        openCopied: () => ({ abandon() {}, close() {} }),
        unread: (end) => unread.push(end),
      },
      route: () => target,
      policy: () => INTERCEPT_ALL,
      trust: trustBook(),
      maxIntercepted: 1_000,
    });
    through = await listen({
      port: 0,
      originalDestination: () => null,
      onAccept: () => undefined,
      onArrival: (arrival) =>
        void plane.handle(
          { ...arrival, destination: { address: "192.0.2.1", port: 443 } },
          // A program for each: what one refuses is no reason for the next.
          Promise.resolve(client(1, program(`client ${plane.stats.accepted}`, "trusts"))),
        ),
    });
  });
  afterAll(() => {
    through.close();
    through.destroy();
  });

  const listenWith = async ({ staple, key, cert }: ReturnType<Case["server"]>) => {
    const server = tls.createServer({ key, cert, ciphers: "DEFAULT:@SECLEVEL=0" }, (socket) => {
      socket
        .on("error", () => {})
        .once("data", () => {
          socket.end("HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nthe answer");
        });
    });
    server.on("OCSPRequest", (_certificate, _issuer, answer) => answer(null, staple ?? null!));
    server.on("tlsClientError", () => {}).listen(0, "127.0.0.1");
    await once(server, "listening");
    target = { address: "127.0.0.1", port: (server.address() as AddressInfo).port };
    return server;
  };

  it.each(CASES.filter(({ client }) => client !== GNUTLS || has("gnutls-cli")))(
    "a client sees the same through us: $name",
    async ({ client, server: make, comesAbout, isIntercepted }) => {
      const server = await listenWith(make(ca));
      try {
        const directly = await run(client(target.port, roots));
        expect(directly.got).toBe(comesAbout);
        const before = { ...plane.stats };
        unread.length = 0;
        expect(await run(client(through.port, roots))).toEqual(directly);
        expect(plane.stats.intercepted - before.intercepted).toBe(isIntercepted ? 1 : 0);
        expect(plane.stats.passedThrough - before.passedThrough).toBe(isIntercepted ? 0 : 1);
        await expect.poll(() => plane.stats.open).toBe(0);
        if (!isIntercepted)
          expect(unread.map(({ reason }) => reason)).toEqual(["upstream_certificate_invalid"]);
      } finally {
        server.close();
      }
    },
  );

  it("a client that does not trust us is known by its alert, also when it asked for a staple", async () => {
    const server = await listenWith(stapled("good")(ca));
    try {
      const refused = plane.stats.refused;
      unread.length = 0;
      expect((await run(CURL_STATUS(through.port, ca.path))).got).toBe(false);
      await expect.poll(() => unread.map(({ reason }) => reason)).toEqual(["client_refused_certificate"]);
      expect(plane.stats.refused).toBe(refused + 1);
    } finally {
      server.close();
    }
  });
});
