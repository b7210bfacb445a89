import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { arch } from "../../src/trust/arch.js";
import { chromiumStores } from "../../src/trust/chromium.js";
import { debian } from "../../src/trust/debian.js";
import { fedora } from "../../src/trust/fedora.js";
import { firefoxStores } from "../../src/trust/firefox.js";
import { javaStore } from "../../src/trust/java.js";
import { macos } from "../../src/trust/macos.js";
import { nssStore } from "../../src/trust/nss.js";
import { opensuse } from "../../src/trust/opensuse.js";
import { isOurs, nameOf, type TrustStore } from "../../src/trust/trust-store.js";
import { temporaryFolder } from "../temporary-folder.js";

const HASH = "0123456789ABCDEF".repeat(4);
const certificate = { name: nameOf(HASH), pem: "PEM", path: "/home/ana/.oximy/ca/oximy-ca-cert.pem" };

const lines = (steps: ReturnType<TrustStore["install"]>) =>
  steps.map((step) =>
    step.kind === "run"
      ? [step.file, ...step.args, ...(step.input === undefined ? [] : [`<${step.input}`])].join(" ")
      : `${step.kind} ${step.path}`,
  );
const namesIn = ({ listing }: TrustStore, output: string) =>
  listing.kind === "tool" ? listing.names(output).filter(isOurs) : [];

const KEYCHAIN = "/Library/Keychains/System.keychain";
const NSSDB = "-d sql:/home/ana/.pki/nssdb";
const CACERTS = "-cacerts -storepass changeit";

test.each<[TrustStore, string, string[], string[]]>([
  [
    debian,
    "oximy-ca-0123456789abcdef.crt",
    ["write /usr/local/share/ca-certificates/oximy-ca-0123456789abcdef.crt", "update-ca-certificates"],
    ["delete /usr/local/share/ca-certificates/oximy-ca-0123456789abcdef.crt", "update-ca-certificates"],
  ],
  [
    fedora,
    "oximy-ca-0123456789abcdef.pem",
    ["write /etc/pki/ca-trust/source/anchors/oximy-ca-0123456789abcdef.pem", "update-ca-trust extract"],
    ["delete /etc/pki/ca-trust/source/anchors/oximy-ca-0123456789abcdef.pem", "update-ca-trust extract"],
  ],
  [
    arch,
    "oximy-ca-0123456789abcdef.crt",
    ["write /etc/ca-certificates/trust-source/anchors/oximy-ca-0123456789abcdef.crt", "trust extract-compat"],
    [
      "delete /etc/ca-certificates/trust-source/anchors/oximy-ca-0123456789abcdef.crt",
      "trust extract-compat",
    ],
  ],
  [
    opensuse,
    "oximy-ca-0123456789abcdef.pem",
    ["write /usr/share/pki/trust/anchors/oximy-ca-0123456789abcdef.pem", "update-ca-certificates"],
    ["delete /usr/share/pki/trust/anchors/oximy-ca-0123456789abcdef.pem", "update-ca-certificates"],
  ],
  [
    macos,
    `oximy-ca-0123456789abcdef ${HASH}`,
    [`/usr/bin/security add-trusted-cert -d -r trustRoot -p ssl -p basic -k ${KEYCHAIN} ${certificate.path}`],
    [`/usr/bin/security delete-certificate -Z ${HASH} -t ${KEYCHAIN}`],
  ],
  [
    nssStore("chromium", "/home/ana/.pki/nssdb"),
    "oximy-ca-0123456789abcdef",
    [`certutil ${NSSDB} -A -a -t C,, -n oximy-ca-0123456789abcdef <PEM`],
    [`certutil ${NSSDB} -D -n oximy-ca-0123456789abcdef`],
  ],
  [
    javaStore("/usr/bin/keytool"),
    "oximy-ca-0123456789abcdef",
    [`/usr/bin/keytool -importcert ${CACERTS} -noprompt -alias oximy-ca-0123456789abcdef <PEM`],
    [`/usr/bin/keytool -delete ${CACERTS} -alias oximy-ca-0123456789abcdef`],
  ],
])("$id: what is put in is what is taken out", (store, entry, install, remove) => {
  expect(lines(store.install(certificate))).toEqual(install);
  expect(lines(store.remove(entry))).toEqual(remove);
  expect(isOurs(entry) && entry.includes(certificate.name)).toBe(true);
});

describe("what the tools print is read", () => {
  it("by certutil -L", () => {
    const output = `
Certificate Nickname                                         Trust Attributes
                                                             SSL,S/MIME,JAR/XPI

My own CA                                                    CT,C,C
oximy-ca-0123456789abcdef                                    C,,  
`;
    expect(namesIn(nssStore("firefox", "/db"), output)).toEqual(["oximy-ca-0123456789abcdef"]);
  });

  it("by keytool -list", () => {
    const output = `Keystore type: JKS

debian:oximy-ca-0123456789abcdef.pem, Nov 22, 2026, trustedCertEntry, 
Certificate fingerprint (SHA-256): 01:23
debian:acme.pem, Nov 22, 2026, trustedCertEntry, 
`;
    expect(namesIn(javaStore("keytool"), output)).toEqual(["debian:oximy-ca-0123456789abcdef.pem"]);
  });

  it("by security find-certificate -Z", () => {
    const output = `SHA-256 hash: ${HASH}\nSHA-1 hash: 0123\nkeychain: "${KEYCHAIN}"\n`;
    expect(namesIn(macos, output)).toEqual([`oximy-ca-0123456789abcdef ${HASH}`]);
  });
});

test("the databases of browsers are found where they are, in sandboxes too", () => {
  const home = temporaryFolder();
  const add = (folder: string) => {
    mkdirSync(join(home, folder), { recursive: true });
    writeFileSync(join(home, folder, "cert9.db"), "");
    return join(home, folder);
  };
  const chromium = [".pki/nssdb", "snap/chromium/current/.pki/nssdb"].map(add);
  const firefox = [".mozilla/firefox/a.default", "snap/firefox/common/.mozilla/firefox/b.default"].map(add);
  mkdirSync(join(home, ".mozilla/firefox/Crash Reports"));
  const locations = (stores: TrustStore[]) => stores.map(({ location }) => location);
  expect(locations(chromiumStores(home))).toEqual(chromium);
  expect(locations(firefoxStores(home))).toEqual(firefox);
});
