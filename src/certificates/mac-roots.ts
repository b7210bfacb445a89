/** The roots that macOS trusts: the built-in ones, and those added by an administrator or the user. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BUILT_IN = "/System/Library/Keychains/SystemRootCertificates.keychain";
const ADDED = "/Library/Keychains/System.keychain";
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Trust settings by the certificate's SHA-1 in upper-case hexadecimal. */
export type TrustSettings = ReadonlyMap<string, "trusted" | "denied">;

/**
 * PEM certificates. Being in the keychain does not imply trust: it also holds certificates of services, and some whose
 * trust was revoked. Empty when macOS does not report any.
 */
export function macRoots(security = "/usr/bin/security"): string[] {
  const settings = new Map([...exported(security, ["-d"]), ...exported(security, [])]);
  const of = (pem: string) => settings.get(fingerprint(pem));
  return [
    ...certificates(security, BUILT_IN).filter((pem) => of(pem) !== "denied"),
    ...certificates(security, ADDED).filter((pem) => of(pem) === "trusted"),
  ];
}

function certificates(security: string, keychain: string): string[] {
  try {
    return run(security, ["find-certificate", "-a", "-p", keychain]).match(PEM) ?? [];
  } catch {
    return [];
  }
}

/** security(1), trust-settings-export: the administrator's with `-d`, else the user's. It fails when there are none. */
function exported(security: string, domain: readonly string[]): TrustSettings {
  const folder = mkdtempSync(join(tmpdir(), "oximy-trust-"));
  try {
    const file = join(folder, "settings.plist");
    run(security, ["trust-settings-export", ...domain, file]);
    return readTrustSettings(readFileSync(file, "utf8"));
  } catch {
    return new Map();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const TRUSTED = new Set([1, 2]); // kSecTrustSettingsResultTrustRoot, …TrustAsRoot
const DENIED = 3; // kSecTrustSettingsResultDeny

/**
 * Each certificate in the settings starts with its SHA-1 as a key, followed by a flat list of what it is trusted for.
 */
const ENTRY = /<key>([0-9A-Fa-f]{40})<\/key>/;
const SETTING = /<dict>(.*?)<\/dict>/gs;

/**
 * Reads the XML property list that `security` exports. SecTrustSettings.h: a certificate without settings is trusted
 * for everything; settings without a result mean trust as a root. Settings for uses other than TLS (a policy name other
 * than `sslServer`) are ignored.
 */
export function readTrustSettings(plist: string): TrustSettings {
  const [, ...parts] = plist.split(ENTRY);
  const found = new Map<string, "trusted" | "denied">();
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [, list = ""] = /<key>trustSettings<\/key>\s*<array>(.*?)<\/array>/s.exec(parts[at + 1]!) ?? [];
    const all = [...list.matchAll(SETTING)].map(([, setting]) => setting!);
    const results = all.filter(isForTls).map(resultOf);
    if (all.length > 0 && results.length === 0) continue;
    if (results.includes(DENIED)) found.set(parts[at]!.toUpperCase(), "denied");
    else if (results.length === 0 || results.some((result) => TRUSTED.has(result))) {
      found.set(parts[at]!.toUpperCase(), "trusted");
    }
  }
  return found;
}

function isForTls(setting: string): boolean {
  const [, name] = /<key>kSecTrustSettingsPolicyName<\/key>\s*<string>([^<]*)</.exec(setting) ?? [];
  return name === undefined || name === "sslServer" || name === "basicX509";
}

const resultOf = (setting: string): number =>
  Number(/<key>kSecTrustSettingsResult<\/key>\s*<integer>(\d+)</.exec(setting)?.[1] ?? 1);

function fingerprint(pem: string): string {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ""), "base64");
  return createHash("sha1").update(der).digest("hex").toUpperCase();
}

function run(security: string, args: readonly string[]): string {
  return execFileSync(security, args, {
    encoding: "latin1",
    maxBuffer: 16 << 20,
    stdio: ["ignore", "pipe", "ignore"],
  });
}
