import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { openCa } from "../../src/certificates/ca.js";
import { searchFor } from "../../src/trust/certificate-search.js";
import { nssTrusts } from "../../src/trust/nss-database.js";
import { toolPath } from "../../src/trust/tool-path.js";
import { temporaryFolder } from "../temporary-folder.js";

const folder = temporaryFolder();
const one = openCa(path.join(folder, "one"));
const two = openCa(path.join(folder, "two"));
const search = searchFor(one.certificatePem);
const base64 = one.certificate.raw.toString("base64");

describe("our certificate", () => {
  const pem = (body: string) =>
    Buffer.from(`-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`);
  it.each([
    ["alone", Buffer.from(one.certificatePem), true],
    ["among others", Buffer.from(two.certificatePem + one.certificatePem + two.certificatePem), true],
    ["in lines of 76", pem(base64.replace(/(.{76})/g, "$1\n")), true],
    ["in lines that end with CR LF", Buffer.from(one.certificatePem.replaceAll("\n", "\r\n")), true],
    ["in one line", pem(base64), true],
    ["as bytes", Buffer.concat([Buffer.from("x"), one.certificate.raw]), true],
    ["not where there is another of the same name", Buffer.from(two.certificatePem), false],
    ["not where it is cut", pem(base64.slice(0, -8)), false],
    ["not in an empty file", Buffer.alloc(0), false],
  ])("is found %s", (_, bytes, expected) => {
    expect(search.isIn(bytes)).toBe(expected);
  });

  it.skipIf(toolPath("openssl") === undefined)("has the name that OpenSSL gives it in folders", () => {
    const hash = execFileSync("openssl", ["x509", "-noout", "-subject_hash"], { input: one.certificatePem });
    expect(search.subjectHash).toBe(hash.toString().trim());
  });
});

describe.skipIf(toolPath("certutil") === undefined)("an NSS database", () => {
  const database = (name: string, steps: readonly (readonly string[])[]) => {
    const at = path.join(folder, name);
    fs.mkdirSync(at);
    for (const step of [["-N", "--empty-password"], ...steps]) {
      const run = spawnSync("certutil", ["-d", `sql:${at}`, ...step], { encoding: "utf8" });
      expect(run).toMatchObject({ status: 0 });
    }
    return fs.readFileSync(path.join(at, "cert9.db"));
  };
  const add = (trust: string, pem: string, name = "ours") => [
    ...["-A", "-n", name, "-t", trust, "-i"],
    pem === "one" ? one.certificatePath : two.certificatePath,
  ];
  it.each<[string, readonly (readonly string[])[], boolean | undefined]>([
    ["nothing in it", [], false],
    ["our certificate for TLS servers", [add("C,,", "one")], true],
    // certutil writes no trust at all then; neither would a version that keeps it in another form.
    ["our certificate without a word on trust", [add(",,", "one")], undefined],
    ["another certificate", [add("C,,", "two")], false],
    ["our certificate taken out again", [add("C,,", "one"), ["-D", "-n", "ours"]], false],
    ["trust taken away", [add("C,,", "one"), ["-M", "-n", "ours", "-t", ",,"]], false],
  ])("with %s", (name, steps, expected) => {
    expect(nssTrusts(database(name, steps), one.certificate.raw)).toBe(expected);
  });

  it("that is cut or no database is not known, and does no harm", () => {
    const whole = database("whole", [add("C,,", "one")]);
    for (let size = 0; size < whole.length; size += 997)
      nssTrusts(whole.subarray(0, size), one.certificate.raw);
    expect(nssTrusts(Buffer.from("x"), one.certificate.raw)).toBeUndefined();
    expect(nssTrusts(one.certificate.raw, one.certificate.raw)).toBeUndefined();
  });
});
