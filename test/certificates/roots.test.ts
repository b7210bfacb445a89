import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { afterAll, describe, expect, it } from "vitest";
import { systemRoots } from "../../src/certificates/roots.js";
import { ROOT } from "../proxy/upstream-rig.js";

const folder = mkdtempSync(join(tmpdir(), "oximy-roots-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const one = file("one.pem", `# a comment\n${ROOT}\nmore text`);
const [first, second] = rootCertificates as [string, string];
const two = file("two.pem", `${first}\n${second}\n`);
const trusted = file("trusted.pem", ROOT.replaceAll(" CERTIFICATE", " TRUSTED CERTIFICATE"));
const pem = (text: string) => text.trim();

describe("the roots that servers are verified by", () => {
  it.each([
    ["SSL_CERT_FILE alone", { SSL_CERT_FILE: two }, [first, second]],
    [
      "SSL_CERT_FILE and what is added",
      { SSL_CERT_FILE: two, NODE_EXTRA_CA_CERTS: one },
      [first, second, pem(ROOT)],
    ],
    ["each but once", { SSL_CERT_FILE: two, NODE_EXTRA_CA_CERTS: two }, [first, second]],
    [
      "OpenSSL's trusted certificates too",
      { SSL_CERT_FILE: trusted },
      [pem(ROOT).replaceAll(" CERTIFICATE", " TRUSTED CERTIFICATE")],
    ],
    ["Node's own when the file is not there", { SSL_CERT_FILE: join(folder, "none") }, [...rootCertificates]],
    ["Node's own when the file holds none", { SSL_CERT_FILE: file("empty.pem", "") }, [...rootCertificates]],
    [
      "what they were when an addition is not there",
      { SSL_CERT_FILE: two, NODE_EXTRA_CA_CERTS: join(folder, "none") },
      [first, second],
    ],
  ])("are %s", (_what, env, roots) => {
    expect(systemRoots(env, "linux")).toEqual(roots);
  });

  it("are the system's where the environment says nothing", () => {
    expect(systemRoots({}, "linux").length).toBeGreaterThan(50);
  });

  it("are Node's own on a Mac that does not tell", () => {
    if (process.platform !== "darwin") expect(systemRoots({}, "darwin")).toEqual(rootCertificates);
  });
});
