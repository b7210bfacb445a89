import { fork, spawnSync } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { CA_KEY_FILE, makeCaCertificate, openCa } from "../../src/certificates/ca.js";
import { issueCertificate } from "../../src/certificates/x509.js";
import { CA_CERTIFICATE_FILE } from "../../src/user/settings.js";
import { temporaryFolder } from "../temporary-folder.js";

const DAY = 86_400_000;
const newKey = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const pemOf = (key: ReturnType<typeof newKey>) => key.export({ type: "pkcs8", format: "pem" }) as string;

test("a CA is made on first use, for its owner alone, and used again ever after", () => {
  const folder = join(temporaryFolder(), "home", "ca");
  const made = openCa(folder);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, CA_KEY_FILE)).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, CA_CERTIFICATE_FILE)).mode & 0o777).toBe(0o644);
  expect(readdirSync(folder).sort()).toEqual([CA_CERTIFICATE_FILE, CA_KEY_FILE].sort());
  const again = openCa(folder);
  expect(again.certificate.fingerprint256).toBe(made.certificate.fingerprint256);
  expect(again.certificatePath).toBe(join(folder, CA_CERTIFICATE_FILE));
});

test("a narrow umask does not hide the certificate from the clients that are told to trust it", () => {
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  const { certificatePath } = openCa(temporaryFolder());
  expect(statSync(certificatePath).mode & 0o777).toBe(0o644);
});

test("the certificate is one of an authority for five years, backdated, with a name of its own", () => {
  const now = new Date("2026-05-06T07:08:09Z");
  const certificate = new X509Certificate(makeCaCertificate(newKey(), now));
  expect(certificate.ca).toBe(true);
  expect(certificate.subject).toMatch(/^CN=Oximy CA \([A-Za-z0-9.-]+ 2026-05-06\)\nO=Oximy$/);
  expect(certificate.issuer).toBe(certificate.subject);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(now.getTime() - Date.parse(certificate.validFrom)).toBe(2 * DAY);
  expect(Date.parse(certificate.validTo) - now.getTime()).toBe(1826 * DAY);
});

test("processes that start at once agree on one key and its certificate", { timeout: 60_000 }, async () => {
  const folder = temporaryFolder();
  const starters = Array.from({ length: 4 }, () => {
    const child = fork(fileURLToPath(new URL("open-ca.ts", import.meta.url)), [folder], {
      execArgv: ["--import", "tsx"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    return child;
  });
  await Promise.all(starters.map((child) => once(child, "message")));
  const answers = starters.map((child) => once(child, "message"));
  for (const child of starters) child.send("go");
  const fingerprints = new Set((await Promise.all(answers)).map(([fingerprint]) => fingerprint));
  expect([...fingerprints]).toEqual([openCa(folder).certificate.fingerprint256]);
  expect(readdirSync(folder)).toHaveLength(2);
});

test("a start that was killed between key and certificate is completed for that key", () => {
  const folder = temporaryFolder();
  const { privateKey } = openCa(folder);
  rmSync(join(folder, CA_CERTIFICATE_FILE));
  const { certificate } = openCa(folder);
  expect(certificate.checkPrivateKey(privateKey)).toBe(true);
});

const BROKEN: Record<string, { readonly spoil: (folder: string) => void; readonly says: RegExp }> = {
  "its key is gone": { spoil: (folder) => rmSync(join(folder, CA_KEY_FILE)), says: /ENOENT/ },
  "its key is of another certificate": {
    spoil: (folder) => writeFileSync(join(folder, CA_KEY_FILE), pemOf(newKey())),
    says: /do not match/,
  },
  "its certificate is cut": {
    spoil: (folder) => {
      const path = join(folder, CA_CERTIFICATE_FILE);
      writeFileSync(path, readFileSync(path, "utf8").slice(0, 200));
    },
    says: /cannot be used/,
  },
  "its key file is empty": {
    spoil: (folder) => writeFileSync(join(folder, CA_KEY_FILE), ""),
    says: /cannot be used/,
  },
  "its key is of a kind that we do not sign with": {
    spoil: (folder) => {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      writeFileSync(join(folder, CA_KEY_FILE), pemOf(privateKey));
    },
    says: /not a P-256 key/,
  },
  "its certificate is a leaf": {
    spoil: (folder) => {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const name = [{ name: "commonName", value: "leaf" }];
      const times = { notBefore: new Date(), notAfter: new Date(Date.now() + DAY) };
      const leaf = issueCertificate(
        { subject: name, issuer: name, publicKey, ...times, extensions: [] },
        privateKey,
      );
      writeFileSync(join(folder, CA_CERTIFICATE_FILE), leaf);
      writeFileSync(join(folder, CA_KEY_FILE), pemOf(privateKey));
    },
    says: /not a CA certificate/,
  },
  "a folder stands where its key should": {
    spoil: (folder) => {
      rmSync(join(folder, CA_KEY_FILE));
      mkdirSync(join(folder, CA_KEY_FILE));
    },
    says: /EISDIR/,
  },
};

test.each(Object.entries(BROKEN))("OXIMY_E_CA when %s, and nothing is replaced", (_what, { spoil, says }) => {
  const folder = temporaryFolder();
  openCa(folder);
  spoil(folder);
  const before = readdirSync(folder);
  expect(() => openCa(folder)).toThrow(expect.objectContaining({ code: "OXIMY_E_CA" }));
  expect(() => openCa(folder)).toThrow(says);
  expect(readdirSync(folder)).toEqual(before);
});

const OPEN = `import(process.argv[1]).then(({ openCa }) => {
  try { openCa(process.argv[2]); } catch ({ code, advice }) { console.log(code, advice); }
})`;
/** The mount is seen by nobody else and goes with the process. */
const ON_FULL_DISK = `mount -t tmpfs -o size=8k tmpfs "$2" && head -c 100000 /dev/zero 2>/dev/null >"$2/full"
  exec "$0" --import tsx -e '${OPEN}' "$1" "$2/ca"`;

test.skipIf(spawnSync("unshare", ["-m", "true"]).status !== 0)(
  "OXIMY_E_CA on a full disk asks for room",
  () => {
    const source = new URL("../../src/certificates/ca.ts", import.meta.url).href;
    const args = ["-m", "sh", "-c", ON_FULL_DISK, process.execPath, source, temporaryFolder()];
    const { stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8", timeout: 15_000 });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^OXIMY_E_CA Free space/);
  },
);

test("OXIMY_E_CA when the certificate has ended", () => {
  const folder = temporaryFolder();
  openCa(folder);
  expect(() => openCa(folder, Date.now() + 3651 * DAY)).toThrow(/certificate expired on/);
});

test("OXIMY_E_CA when the folder cannot be made", () => {
  const file = join(temporaryFolder(), "file");
  writeFileSync(file, "");
  expect(() => openCa(join(file, "ca"))).toThrow(expect.objectContaining({ code: "OXIMY_E_CA" }));
});
