/**
 * What clients make of servers' certificates directly, and through us. Where a client refuses, it must refuse through
 * us too; whom we show our own certificate must have had nothing to refuse.
 */

import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCaCertificate } from "../../src/certificates/ca.js";
import { LeafIssuer } from "../../src/certificates/leaf.js";
import type { UnreadConnection } from "../../src/connection/connection.js";
import { listen } from "../../src/proxy/accept/listener.js";
import { DataPlane } from "../../src/proxy/data-plane.js";
import { UpstreamConnector } from "../../src/proxy/upstream/upstream.js";
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
  /** Why not, where that is another than a certificate that is not valid. */
  readonly reason?: string;
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

/** Server names without its own name in the list, and one that has it among very many. */
const others = (count: number) => Array.from({ length: count }, (_, index) => `host${index}.badssl.example`);
const selfSigned: Case["server"] = () => {
  const one = new TestAuthority(HOST);
  return { ...one.issue(), cert: one.pem, key: one.keyPem };
};
const alone = (leaf: ServerCertificate) => ({ ...leaf, cert: readFileSync(leaf.path, "utf8") });

/** The certificates of badssl.com that are not below already. */
const BADSSL_ROWS: ReadonlyArray<Pick<Case, "name" | "server"> & Partial<Case>> = [
  { name: "expired", server: (ca) => ca.issue({ days: -1 }) },
  { name: "wrong host", server: (ca) => ca.issue({ names: others(1), subject: "/CN=badssl.example" }) },
  { name: "self-signed", server: selfSigned },
  { name: "untrusted root", server: () => new TestAuthority("Untrusted").issue() },
  { name: "missing intermediate", server: (ca) => alone(ca.intermediate().issue()) },
  {
    name: "an intermediate that is sent",
    server: (ca) => ca.intermediate().issue(),
    comesAbout: true,
    isIntercepted: true,
  },
  {
    name: "no common name",
    server: (ca) => ca.issue({ subject: "/O=badssl", extensions: ["keyUsage=digitalSignature"] }),
    comesAbout: true,
    isIntercepted: true,
  },
  {
    name: "no subject",
    server: (ca) => ca.issue({ subject: "/" }),
    comesAbout: true,
    isIntercepted: true,
  },
  {
    name: "1000 names",
    server: (ca) => ca.issue({ names: [HOST, ...others(999)] }),
    comesAbout: true,
    isIntercepted: true,
  },
  {
    // More than the 100 KB that OpenSSL takes of a chain (SSL_CTX_set_max_cert_list(3)).
    name: "10,000 names",
    server: (ca) => ca.issue({ names: [HOST, ...others(9_999)] }),
    reason: "upstream_handshake_failed",
  },
];
const BADSSL = BADSSL_ROWS.map(
  (row): Case => ({ client: CURL, comesAbout: false, isIntercepted: false, ...row }),
);

const CASES: readonly Case[] = [
  ...BADSSL,
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
    const issuer = new LeafIssuer({ certificate, certificatePem: OURS, certificatePath: "", ...caKey });
    plane = new DataPlane({
      issuer: () => issuer,
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
      onConnection: (arrival) =>
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
    async ({
      client,
      server: make,
      comesAbout,
      isIntercepted,
      reason: why = "upstream_certificate_invalid",
    }) => {
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
        if (!isIntercepted) expect(unread.map(({ reason }) => reason)).toEqual([why]);
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
