import { spawn } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect, createServer, type TLSSocket } from "node:tls";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type CertificateAuthority, openCa } from "../../src/certificates/ca.js";
import { LeafIssuer, makeLeaf } from "../../src/certificates/leaf.js";
import { keyIdentifier } from "../../src/certificates/x509.js";
import { openssl } from "../proxy/openssl.js";
import { temporaryFolder } from "../temporary-folder.js";

const DAY = 86_400_000;
const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
let ca: CertificateAuthority;
beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), "oximy-leaf-"));
  ca = openCa(folder);
  return () => rmSync(folder, { recursive: true });
});

const colons = (binary: string) =>
  Buffer.from(binary, "binary").toString("hex").toUpperCase().match(/../g)!.join(":");

describe("a leaf", () => {
  const NAMES: Record<string, { readonly san: RegExp; readonly check: string }> = {
    "api.openai.com": { san: /^DNS:api\.openai\.com$/, check: "-verify_hostname" },
    "xn--bcher-kva.example": { san: /^DNS:xn--bcher-kva\.example$/, check: "-verify_hostname" },
    "under_score.example.com": { san: /^DNS:under_score\.example\.com$/, check: "-verify_hostname" },
    "192.0.2.7": { san: /^IP Address:192\.0\.2\.7$/, check: "-verify_ip" },
    "2001:db8::7": { san: /^IP Address:2001:DB8:0:0:0:0:0:7$/, check: "-verify_ip" },
    [`${"long-label.".repeat(9)}example.com`]: {
      san: /^DNS:(long-label\.)+example\.com$/,
      check: "-verify_hostname",
    },
  };

  test.each(Object.entries(NAMES))(
    "for %s is taken for it by openssl, and for nothing else",
    (host, { san, check }) => {
      const leaf = makeLeaf(ca, host, publicKey);
      expect(new X509Certificate(leaf).subjectAltName).toMatch(san);
      const file = join(temporaryFolder(), "leaf.pem");
      writeFileSync(file, leaf);
      const verify = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca.certificatePath];
      expect(openssl([...verify, check, host, file])).toContain(": OK");
      const other = check === "-verify_ip" ? "192.0.2.8" : "example.org";
      expect(() => openssl([...verify, check, other, file])).toThrow(/mismatch/);
    },
  );

  test("has the fields that every client asks of one, and none that some refuse", () => {
    const now = new Date("2026-11-22T12:00:00Z");
    const leaf = makeLeaf(ca, "api.openai.com", publicKey, now);
    const certificate = new X509Certificate(leaf);
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.checkIssued(ca.certificate)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    const from = Date.parse(certificate.validFrom);
    const to = Date.parse(certificate.validTo);
    expect(now.getTime() - from).toBe(2 * DAY);
    expect((to - from) / DAY).toBeLessThanOrEqual(197);
    const shown = openssl(["x509", "-noout", "-text"], leaf);
    expect(shown).toContain(
      `X509v3 Authority Key Identifier: \n                ${colons(keyIdentifier(ca.publicKey))}`,
    );
    expect(shown).not.toContain("Subject Key Identifier");
    expect(shown).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(shown).toMatch(/Key Usage: critical\s+Digital Signature\n/);
  });

  test("names its issuer byte for byte as the CA names itself", () => {
    const leaf = makeLeaf(ca, "api.openai.com", publicKey);
    const hash = (option: string, pem: string) => openssl(["x509", "-noout", option], pem);
    expect(hash("-issuer_hash", leaf)).toBe(hash("-subject_hash", ca.certificatePem));
    const der = (pem: string, tag: RegExp) =>
      openssl(["asn1parse", "-i"], pem)
        .match(tag)
        ?.map((line) => line.trim());
    expect(der(leaf, /PRINTABLESTRING.*Oximy.*/g)).toEqual(
      der(ca.certificatePem, /PRINTABLESTRING.*Oximy.*/g)?.slice(0, 2),
    );
  });
});

describe("a mint", () => {
  test("makes one context for a name and keeps it", () => {
    const issuer = new LeafIssuer(ca);
    const context = issuer.contextFor("a.example");
    expect(issuer.contextFor("a.example")).toBe(context);
    expect(issuer.contextFor("b.example")).not.toBe(context);
  });

  test("renews a leaf a month before it ends, for a process that runs so long", () => {
    const issuer = new LeafIssuer(ca);
    const start = Date.now();
    const context = issuer.contextFor("a.example", start);
    expect(issuer.contextFor("a.example", start + 166 * DAY)).toBe(context);
    expect(issuer.contextFor("a.example", start + 167 * DAY)).not.toBe(context);
  });
});

/** An HTTPS-like server with the mint's leaf for localhost; it answers every request with `hello`. */
async function serve(): Promise<number> {
  const issuer = new LeafIssuer(ca);
  const sockets = new Set<TLSSocket>();
  const server = createServer(
    { SNICallback: (host, done) => done(null, issuer.contextFor(host)) },
    (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("data", () =>
        socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"),
      );
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function run(command: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code: code as number, output: output + errors };
}

const PYTHON = `
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
if hasattr(ssl, "VERIFY_X509_STRICT"): context.verify_flags |= ssl.VERIFY_X509_STRICT
with context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[2]))), server_hostname="localhost") as s:
    s.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
    print(s.recv(1000).decode())
`;

describe("a client that trusts our CA takes the leaf:", () => {
  test("curl", async () => {
    const port = await serve();
    const resolve = ["--resolve", `localhost:${port}:127.0.0.1`];
    const args = ["-sS", ...resolve, "--cacert", ca.certificatePath, `https://localhost:${port}/`];
    expect(await run("curl", args)).toEqual({ code: 0, output: "hello" });
  });

  test("openssl s_client, in TLS 1.2 and 1.3", async () => {
    const port = await serve();
    for (const version of ["-tls1_2", "-tls1_3"]) {
      const to = ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "localhost", version];
      const trust = ["-CAfile", ca.certificatePath, "-verify_return_error", "-verify_hostname", "localhost"];
      const { code, output } = await run("openssl", [...to, ...trust]);
      expect({ code, ok: output.includes("Verify return code: 0 (ok)") }).toEqual({ code: 0, ok: true });
    }
  });

  test("Python, in its strict mode", async () => {
    const { code, output } = await run("python3", ["-c", PYTHON, ca.certificatePath, String(await serve())]);
    expect(output).toContain("hello");
    expect(code).toBe(0);
  });

  test("Node, and one that does not trust it refuses", async () => {
    const port = await serve();
    const trusting = connect({ port, host: "127.0.0.1", servername: "localhost", ca: ca.certificatePem });
    await once(trusting, "secureConnect");
    trusting.destroy();
    const other = connect({ port, host: "127.0.0.1", servername: "localhost" });
    const [error] = await once(other, "error");
    expect(error.code).toBe("SELF_SIGNED_CERT_IN_CHAIN");
  });
});
