import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type CertificateAuthority, openCa } from "../../src/certificates/ca.js";
import { makeLeaf } from "../../src/certificates/leaf.js";
import { embeddedDocument } from "../../src/oisp/embedded.js";
import { createHostIndex } from "../../src/oisp/host-index.js";
import { readBundleText } from "../../src/oisp/parse.js";
import { readableDomains } from "../../src/oisp/readable-domains.js";
import { temporaryFolder } from "../temporary-folder.js";
import { openssl } from "./openssl.js";

const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const { bundle } = readBundleText(embeddedDocument());

describe("a CA that is constrained to the bundle's domains", () => {
  let ca: CertificateAuthority;
  beforeAll(() => {
    ca = openCa(temporaryFolder(), Date.now(), { kind: "below", domains: readableDomains(bundle) });
  });
  const verify = (host: string) => {
    const file = join(temporaryFolder(), "leaf.pem");
    writeFileSync(file, makeLeaf(ca, host, publicKey));
    return openssl(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca.certificatePath, file]);
  };

  test.each([
    "api.openai.com",
    "my-resource.openai.azure.com",
    "bedrock-runtime.us-gov-west-1.amazonaws.com",
    "europe-west4-aiplatform.googleapis.com",
    "chatgpt.com",
  ])("is believed for %s", (host) => {
    expect(createHostIndex(bundle).knows(host, 443)).toBe(true);
    expect(verify(host)).toContain(": OK");
  });

  test.each([
    "www.bank.example",
    "openai.com.bank.example",
    "notopenai.azure.example",
    "192.0.2.7",
    "2001:db8::7",
  ])("is not believed for %s", (host) => {
    expect(() => verify(host)).toThrow(/(permitted subtree violation|excluded subtree violation)/);
  });

  test("is marked so that who does not understand constraints refuses it", () => {
    const shown = openssl(["x509", "-noout", "-text"], ca.certificatePem);
    expect(shown).toMatch(/X509v3 Name Constraints: critical/);
    expect(shown).toMatch(/IP:0\.0\.0\.0\/0\.0\.0\.0/);
  });
});

test("domains of a bundle hold every host that it can read, and none twice", () => {
  const domains = readableDomains(bundle);
  const holds = (host: string) => domains.some((domain) => host === domain || host.endsWith(`.${domain}`));
  const hosts = [...bundle.hosts.keys()].filter((host) => /[a-z]$/.test(host) && host.includes("."));
  expect(hosts.filter((host) => !holds(host.replace("*.", "")))).toEqual([]);
  expect(
    domains.filter((one) => domains.some((other) => one !== other && one.endsWith(`.${other}`))),
  ).toEqual([]);
  expect(domains.filter((domain) => !/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(domain))).toEqual([]);
});
