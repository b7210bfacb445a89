import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CA_KEY_FILE } from "../../src/certificates/ca.js";
import { machineCertificate, openMachineCa } from "../../src/certificates/machine-ca.js";
import { CA_CERTIFICATE_FILE } from "../../src/user/settings.js";
import { temporaryFolder } from "../temporary-folder.js";

const BELOW = { kind: "below", domains: ["ai.example"] } as const;

describe("the machine's certificate authority", () => {
  let directory: string;
  beforeEach(() => {
    directory = join(temporaryFolder(), "state", "ca");
  });
  const open = (scope?: typeof BELOW) => openMachineCa(scope, directory).certificate.fingerprint256;

  test("is made once, good for five years, its key for its owner alone", () => {
    const umask = process.umask(0o077);
    const made = openMachineCa(undefined, directory);
    process.umask(umask);
    expect(open()).toBe(made.certificate.fingerprint256);
    const years = (Date.parse(made.certificate.validTo) - Date.now()) / (365.25 * 86_400_000);
    expect(years).toBeCloseTo(5, 1);
    const modes = ["..", ".", CA_CERTIFICATE_FILE, CA_KEY_FILE].map(
      (name) => statSync(join(directory, name)).mode & 0o777,
    );
    expect(modes).toEqual([0o755, 0o755, 0o644, 0o600]);
  });

  test("without constraints is replaced where they are wanted, once, and its key is gone", () => {
    const free = open();
    const key = readFileSync(join(directory, CA_KEY_FILE), "utf8");
    const constrained = open(BELOW);
    expect(constrained).not.toBe(free);
    expect(readFileSync(join(directory, CA_KEY_FILE), "utf8")).not.toBe(key);
    expect([open(BELOW), open()]).toEqual([constrained, constrained]);
  });

  test("is for everybody to see, and is none while there is none", () => {
    const path = join(directory, CA_CERTIFICATE_FILE);
    expect(machineCertificate(path)).toBeUndefined();
    open();
    expect(machineCertificate(path)).toContain("BEGIN CERTIFICATE");
  });

  test("is not kept where others can write", () => {
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o777);
    expect(() => open()).toThrow(/Others may/);
    expect(existsSync(join(directory, CA_KEY_FILE))).toBe(false);
  });
});
