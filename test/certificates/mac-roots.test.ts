import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { build } from "plist";
import { expect, test } from "vitest";
import { macRoots, readTrustSettings } from "../../src/certificates/mac-roots.js";
import { temporaryFolder } from "../temporary-folder.js";
import { executable } from "../trust/mac-stand-ins.js";

const [builtIn, denied, company, service, takenBack, mail] = rootCertificates as [
  string,
  ...string[],
] as string[];
const sha1 = (pem: string) =>
  createHash("sha1")
    .update(Buffer.from(pem.replace(/-----[^-]+-----/g, ""), "base64"))
    .digest("hex")
    .toUpperCase();

const SHA1 = "ab".repeat(20);
const settings = (entries: Record<string, Record<string, string | number>[]>) =>
  build({
    trustList: Object.fromEntries(
      Object.entries(entries).map(([key, trustSettings]) => [key, { trustSettings }]),
    ),
    trustVersion: 1,
  });

/** A `security` with two keychains and the settings of the administrator; the user has made none. */
function security(admin: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "built-in"), `${builtIn}\n${denied}\n`);
  writeFileSync(join(folder, "added"), [company, service, takenBack, mail].join("\n"));
  writeFileSync(join(folder, "admin"), admin);
  return executable(
    join(folder, "security"),
    `cd "${folder}" || exit 1
case "$*" in
*SystemRootCertificates.keychain) cat built-in ;;
*System.keychain) cat added ;;
"trust-settings-export -d "*) cat admin >"$3" ;;
*) echo 'SecTrustSettingsCreateExternalRepresentation: No Trust Settings were found.' >&2; exit 1 ;;
esac`,
  );
}

test("the roots of macOS are those that it trusts, and not whatever its keychains hold", () => {
  const admin = settings({
    [sha1(denied!)]: [{ kSecTrustSettingsResult: 3 }],
    [sha1(company!)]: [],
    [sha1(takenBack!)]: [{ kSecTrustSettingsPolicyName: "sslServer", kSecTrustSettingsResult: 3 }],
    [sha1(mail!)]: [{ kSecTrustSettingsPolicyName: "SMIME", kSecTrustSettingsResult: 1 }],
  });
  expect(macRoots(security(admin))).toEqual([builtIn, company]);
});

test("without settings that can be read, what came with macOS counts alone", () => {
  expect(macRoots(security("no property list"))).toEqual([builtIn, denied]);
  expect(macRoots("/nonexistent/security")).toEqual([]);
});

test.each([
  ["trusted for all", [], "trusted"],
  ["trusted for TLS", [{ kSecTrustSettingsPolicyName: "sslServer", kSecTrustSettingsResult: 1 }], "trusted"],
  ["without a result, which means trusted", [{ kSecTrustSettingsPolicyName: "basicX509" }], "trusted"],
  ["trusted by its issuer's side", [{ kSecTrustSettingsResult: 2 }], "trusted"],
  ["not said", [{ kSecTrustSettingsResult: 4 }], undefined],
  [
    "denied once and trusted once",
    [{ kSecTrustSettingsResult: 1 }, { kSecTrustSettingsResult: 3 }],
    "denied",
  ],
])("a certificate may be %s", (_, trustSettings, expected) => {
  expect(
    readTrustSettings(settings({ [SHA1]: trustSettings as Record<string, string | number>[] })).get(
      SHA1.toUpperCase(),
    ),
  ).toBe(expected);
});
