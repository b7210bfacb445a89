import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { rootCertificates } from "node:tls";
import { expect, test } from "vitest";
import { proxyEnvironment, trustEnvironment, writeTrustBundle } from "../../src/local/trust-environment.js";
import { openCa } from "../../src/proxy/ca.js";
import { temporaryFolder } from "../temporary-folder.js";

test("the combined file holds the system's roots and ours, each readable, for everybody", () => {
  const { certificatePath, certificatePem, certificate } = openCa(temporaryFolder());
  const path = writeTrustBundle(certificatePath, certificatePem);
  expect(writeTrustBundle(certificatePath, certificatePem)).toBe(path);
  expect(statSync(path).mode & 0o777).toBe(0o644);
  const blocks = readFileSync(path, "utf8").match(
    /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g,
  )!;
  const names = blocks.map((block) => new X509Certificate(block).fingerprint256);
  expect(names.at(-1)).toBe(certificate.fingerprint256);
  expect(names.length).toBeGreaterThan(rootCertificates.length / 4);
  expect(readdirSync(dirname(path)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("variables that add get our certificate, those that replace the combined file", () => {
  const variables = trustEnvironment("/ca.pem", "/all.pem");
  expect(variables).toMatchObject({ NODE_EXTRA_CA_CERTS: "/ca.pem", DENO_CERT: "/ca.pem" });
  expect(variables).toMatchObject({ SSL_CERT_FILE: "/all.pem", REQUESTS_CA_BUNDLE: "/all.pem" });
});

test("both spellings of the proxy variables point at the port", () => {
  const variables = proxyEnvironment(8088);
  for (const name of ["HTTPS_PROXY", "https_proxy", "http_proxy", "ALL_PROXY"]) {
    expect(variables[name]).toBe("http://127.0.0.1:8088");
  }
});
