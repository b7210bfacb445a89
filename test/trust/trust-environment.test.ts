import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { describe, expect, test } from "vitest";
import { openCa } from "../../src/certificates/ca.js";
import {
  proxyEnvironment,
  TRUST_BUNDLE_FILE,
  trustEnvironment,
  trustEnvironmentOver,
  writeTrustBundle,
} from "../../src/trust/trust-environment.js";
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

describe("where the environment names roots of its own", () => {
  const { certificatePath, certificatePem } = openCa(temporaryFolder());
  const company = join(temporaryFolder(), "company.pem");
  writeFileSync(company, openCa(temporaryFolder()).certificatePem);
  const own = readFileSync(company, "utf8").trim();
  const missing = join(temporaryFolder(), "missing.pem");
  const bundle = join(dirname(certificatePath), TRUST_BUNDLE_FILE);
  const over = (env: Record<string, string>) =>
    trustEnvironmentOver(env, dirname(certificatePath), [{ path: certificatePath, pem: certificatePem }]);

  /** What each file that a variable names holds. */
  const held = (path: string) => {
    if (path === certificatePath) return "ours";
    if (path === bundle) return "system's and ours";
    if (!existsSync(path)) return "missing";
    const text = readFileSync(path, "utf8");
    expect(text.includes(certificatePem.trim())).toBe(true);
    return text.startsWith(own) ? "its own and ours" : "others";
  };

  test.each([
    [
      {},
      {
        NODE_EXTRA_CA_CERTS: "ours",
        SSL_CERT_FILE: "system's and ours",
        CURL_CA_BUNDLE: "system's and ours",
      },
    ],
    [
      { NODE_EXTRA_CA_CERTS: company },
      { NODE_EXTRA_CA_CERTS: "its own and ours", SSL_CERT_FILE: "system's and ours" },
    ],
    [{ NODE_EXTRA_CA_CERTS: missing }, { NODE_EXTRA_CA_CERTS: "ours" }],
    [
      { SSL_CERT_FILE: company },
      {
        SSL_CERT_FILE: "its own and ours",
        CURL_CA_BUNDLE: "its own and ours",
        CODEX_CA_CERTIFICATE: "its own and ours",
        REQUESTS_CA_BUNDLE: "system's and ours",
        GIT_SSL_CAINFO: "system's and ours",
      },
    ],
    [
      { CURL_CA_BUNDLE: company },
      { REQUESTS_CA_BUNDLE: "its own and ours", SSL_CERT_FILE: "system's and ours" },
    ],
    [
      { REQUESTS_CA_BUNDLE: company },
      { AWS_CA_BUNDLE: "its own and ours", CURL_CA_BUNDLE: "system's and ours" },
    ],
    [{ SSL_CERT_FILE: missing }, { SSL_CERT_FILE: "missing", CURL_CA_BUNDLE: "missing" }],
  ])("%j leads to %j", (env: Record<string, string>, expected) => {
    const variables = over(env);
    const names = Object.keys(expected);
    expect(Object.fromEntries(names.map((name) => [name, held(variables[name]!)]))).toEqual(expected);
  });

  test("it is the same when it is done once more, as in a run within a run", () => {
    const once = over({ NODE_EXTRA_CA_CERTS: company, SSL_CERT_FILE: company });
    expect(over(once)).toEqual(once);
  });
});
