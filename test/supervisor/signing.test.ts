import { spawnSync } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CertificateAuthority, openCa } from "../../src/certificates/ca.js";
import { EMBEDDED_LOCATION } from "../../src/oisp/embedded.js";
import { SIGNED_LOG, Signing, type SigningOptions } from "../../src/supervisor/signing.js";
import { MAIN } from "../built-oximy.js";
import { temporaryFolder } from "../temporary-folder.js";

const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = (key = publicKey) => key.export({ type: "spki", format: "der" }).toString("base64");
const LONG = { timeout: 60_000 };

/** Those that this process has started. */
function signers(): number[] {
  const { stdout } = spawnSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], {
    encoding: "utf8",
  });
  return stdout
    .split("\n")
    .filter((line) => line.includes("signer-process"))
    .map((line) => Number.parseInt(line, 10));
}

/** The process that holds the key, built, and the supervisor's end of it. */
describe("a signer", LONG, () => {
  let directory: string;
  let ca: CertificateAuthority;
  let said: string[];
  let signing: Signing;
  const BUILT = join(dirname(MAIN), "../supervisor/signer-process.js");
  const start = (
    options: Partial<Pick<SigningOptions, "allHosts" | "names" | "program" | "startLimits">> = {},
  ) => {
    const say = (message: string) => void said.push(message);
    signing = new Signing({
      directory,
      supplement: "over",
      allHosts: false,
      names: [],
      program: BUILT,
      // How long a start may take is asked by a test of its own; on a busy machine it takes long.
      startLimits: { requestMs: 60_000, hungMs: 60_000 },
      ...options,
      log: { debug: say, info: say, warn: say, error: say },
    });
    return signing;
  };
  beforeEach(() => {
    directory = temporaryFolder();
    ca = openCa(directory);
    said = [];
  });
  afterEach(() => signing.close());

  test("signs for a host of the bundle, with a staple, and notes it", async () => {
    const answer = await start().sign({ host: "api.openai.com", port: 443, key: spki() });
    if (answer.kind !== "signed") throw new Error(answer.why);
    const leaf = new X509Certificate(answer.chain);
    expect(leaf.subjectAltName).toBe("DNS:api.openai.com");
    expect(leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.publicKey.equals(publicKey)).toBe(true);
    expect(answer.chain.endsWith(ca.certificatePem)).toBe(true);
    expect(Buffer.from(answer.staple, "base64")[0]).toBe(0x30);
    await signing.close();
    expect(readFileSync(join(directory, SIGNED_LOG), "utf8")).toMatch(/^\S+Z signed api\.openai\.com\n$/);
  });

  test.each([
    ["a bank", { host: "www.bank.example", port: 443 }],
    ["a wildcard", { host: "*.openai.com", port: 443 }],
    ["a name in capitals", { host: "API.OPENAI.COM", port: 443 }],
    ["another port of a known host", { host: "api.openai.com", port: 8443 }],
    ["a name with something behind it", { host: "api.openai.com\0.bank.example", port: 443 }],
  ])("does not sign for %s, and notes that it was asked to", async (_what, name) => {
    const answer = await start().sign({ ...name, key: spki() });
    expect(answer).toEqual({ kind: "refused", why: "the name is not on the list" });
    await signing.close();
    expect(readFileSync(join(directory, SIGNED_LOG), "utf8").split("\n")).toHaveLength(2);
    expect(readFileSync(join(directory, SIGNED_LOG), "utf8")).toMatch(/Z refused .*not on the list/);
  });

  test.each([
    ["no key", "AAAA"],
    ["an RSA key", spki(generateKeyPairSync("rsa", { modulusLength: 2_048 }).publicKey)],
    ["a key of another curve", spki(generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey)],
  ])("signs no certificate with %s", async (_what, key) => {
    const answer = await start().sign({ host: "api.openai.com", port: 443, key });
    expect(answer).toEqual({ kind: "refused", why: "the key is no P-256 key" });
  });

  test("signs what flags select: any name, or names", async () => {
    const ask = { host: "www.bank.example", port: 443, key: spki() };
    expect((await start({ allHosts: true }).sign(ask)).kind).toBe("signed");
    await signing.close();
    expect((await start({ names: [ask.host] }).sign(ask)).kind).toBe("signed");
  });

  test("signs for names that a bundle brings, but for no more than that and not for too many", async () => {
    const embedded = JSON.parse(readFileSync(EMBEDDED_LOCATION, "utf8"));
    const withHosts = (hosts: readonly string[]) =>
      JSON.stringify({
        ...embedded,
        domain_lookup: {
          ...embedded.domain_lookup,
          ...Object.fromEntries(hosts.map((host) => [host, "openai"])),
        },
      });
    start().useBundle(withHosts(["new.ai.example"]));
    const ask = async (host: string) => (await signing.sign({ host, port: 443, key: spki() })).kind;
    expect([await ask("new.ai.example"), await ask("old.ai.example")]).toEqual(["signed", "refused"]);
    // As a proxy that was taken over might try.
    signing.useBundle(withHosts(Array.from({ length: 201 }, (_, index) => `www.bank${index}.example`)));
    expect(await ask("www.bank7.example")).toBe("refused");
    signing.useBundle("no bundle");
    expect(await ask("new.ai.example")).toBe("signed");
    expect(said.join("\n")).toMatch(/names are rejected: it adds 201 names/);
    expect(said.join("\n")).toMatch(/names are rejected: .* is not JSON/);
  });

  test("signs 256 at once, and then says that it was too many", async () => {
    start({ allHosts: true });
    const asks = Array.from({ length: 300 }, (_, index) =>
      signing.sign({ host: `host${index}.example`, port: 443, key: spki() }),
    );
    const answers = await Promise.all(asks);
    const signed = answers.filter(({ kind }) => kind === "signed").length;
    // Two more each second, however long a busy machine takes.
    expect(signed).toBeGreaterThanOrEqual(256);
    expect(answers).toContainEqual({ kind: "refused", why: "too many certificates were requested" });
  });

  test("is not there without a certificate, and comes when there is one", async () => {
    const ask = { host: "api.openai.com", port: 443, key: spki() };
    const files = ["oximy-ca-cert.pem", "oximy-ca-key.pem"];
    for (const name of files) rmSync(join(directory, name));
    expect(await start().sign(ask)).toEqual({ kind: "refused", why: "the signer is not there" });
    openCa(directory);
    expect((await signing.sign(ask)).kind).toBe("signed");
  });

  test("that does not answer is ended, and another one signs for who comes next", async () => {
    start();
    const ask = (host: string) => signing.sign({ host, port: 443, key: spki() });
    expect((await ask("api.openai.com")).kind).toBe("signed");
    const [hanging] = signers();
    process.kill(hanging!, "SIGSTOP");
    expect((await ask("api.anthropic.com")).kind).toBe("refused");
    await expect.poll(signers, { timeout: 20_000 }).not.toContain(hanging);
    expect((await ask("api.anthropic.com")).kind).toBe("signed");
    expect(said.filter((line) => /does not answer/.test(line))).toHaveLength(1);
  });

  test("that hangs before it has said anything is ended too", async () => {
    const program = join(directory, "hangs-once-signer-process.mjs");
    const hung = join(directory, "hung");
    writeFileSync(
      program,
      `import { existsSync, writeFileSync } from "node:fs";
       if (existsSync(${JSON.stringify(hung)})) await import(${JSON.stringify(BUILT)});
       else { writeFileSync(${JSON.stringify(hung)}, ""); process.kill(process.pid, "SIGSTOP"); }`,
    );
    start({ program, startLimits: { requestMs: 3_000, hungMs: 3_000 } });
    const ask = () => signing.sign({ host: "api.openai.com", port: 443, key: spki() });
    expect((await ask()).kind).toBe("refused");
    await expect.poll(async () => (await ask()).kind, { timeout: 40_000, interval: 500 }).toBe("signed");
    expect(said.some((line) => /does not answer/.test(line))).toBe(true);
  });

  test.skipIf(process.getuid?.() !== 0)("reads a key that is root's, and no file after", async () => {
    chmodSync(directory, 0o700);
    start();
    expect((await signing.sign({ host: "api.openai.com", port: 443, key: spki() })).kind).toBe("signed");
    rmSync(join(directory, "oximy-ca-key.pem"));
    expect((await signing.sign({ host: "api.anthropic.com", port: 443, key: spki() })).kind).toBe("signed");
  });
});
