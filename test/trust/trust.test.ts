import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { anchorStore } from "../../src/trust/anchor-folder.js";
import { nssStore } from "../../src/trust/nss.js";
import { installInto, storeStatus, uninstallFrom } from "../../src/trust/trust.js";
import { nameOf, type TrustStore } from "../../src/trust/trust-store.js";
import { findInvokingUser } from "../../src/user/invoking-user.js";
import { temporaryFolder } from "../temporary-folder.js";

const invokingUser = findInvokingUser();
const certificate = {
  name: nameOf("AB".repeat(32)),
  pem: "-----BEGIN\nour own\n-----END\n",
  path: "/ca.pem",
};

let folder: string;
let bundle: string;
beforeEach(() => {
  const machine = temporaryFolder();
  folder = join(machine, "anchors");
  bundle = join(machine, "bundle.pem");
  mkdirSync(folder);
  writeFileSync(join(folder, "acme.crt"), "-----BEGIN\nsomebody else's\n-----END\n");
});

/** A store of the same make as a distribution's, whose tool is what the test says. */
const store = (...refresh: [string, ...string[]]): TrustStore =>
  anchorStore({ id: "debian", folder, extension: "crt", refresh, bundle, getTool: "get it" });
const working = () => store("sh", "-c", `cat ${folder}/* >${bundle}`);
const kindOf = async (found: Promise<{ outcome: { kind: string } }>) => (await found).outcome.kind;
const stateOf = async (of: TrustStore) => (await storeStatus(of, certificate, invokingUser)).state.kind;

describe.skipIf(process.getuid?.() !== 0)("a store", () => {
  it("is changed once, however often it is asked for, and others' certificates stay", async () => {
    expect(await stateOf(working())).toBe("not_trusted");
    expect(await kindOf(installInto(working(), certificate, invokingUser))).toBe("done");
    expect(await kindOf(installInto(working(), certificate, invokingUser))).toBe("unchanged");
    expect(await stateOf(working())).toBe("trusted");
    expect(await kindOf(uninstallFrom(working(), invokingUser))).toBe("done");
    expect(await kindOf(uninstallFrom(working(), invokingUser))).toBe("unchanged");
    expect(readdirSync(folder)).toEqual(["acme.crt"]);
  });

  it("does not trust what its tool was never run for, and is put right by installing", async () => {
    writeFileSync(join(folder, `${certificate.name}.crt`), certificate.pem);
    expect(await stateOf(working())).toBe("not_trusted");
    expect(await kindOf(installInto(working(), certificate, invokingUser))).toBe("done");
    expect(await stateOf(working())).toBe("trusted");
  });

  it("is not trusted on the word of its tool alone", async () => {
    const { outcome } = await installInto(store("true"), certificate, invokingUser);
    expect(outcome).toMatchObject({ kind: "failed", why: expect.stringContaining("reported success") });
  });

  it("says what its tool said when it failed", async () => {
    const { outcome } = await installInto(
      store("sh", "-c", "echo disk full >&2; exit 3"),
      certificate,
      invokingUser,
    );
    expect(outcome).toMatchObject({ kind: "failed", why: "sh ended with 3: disk full" });
  });

  it("says what to install when its tool is not there", async () => {
    const { outcome } = await installInto(store("oximy-no-such-tool"), certificate, invokingUser);
    expect(outcome).toEqual({
      kind: "failed",
      why: "oximy-no-such-tool is not installed",
      advice: "Install it: get it",
    });
  });

  it("loses the certificates of other installations of ours too", async () => {
    writeFileSync(join(folder, `${nameOf("CD".repeat(32))}.crt`), "an old one");
    expect(await kindOf(uninstallFrom(working(), invokingUser))).toBe("done");
    expect(readdirSync(folder)).toEqual(["acme.crt"]);
  });
});

it("a store that cannot be looked into is skipped, with the reason", async () => {
  const broken = nssStore("firefox", join(folder, "no-database"));
  const { state } = await storeStatus(broken, certificate, invokingUser);
  expect(state).toMatchObject({ kind: "unknown", advice: expect.any(String) });
  expect(await kindOf(installInto(broken, certificate, invokingUser))).toBe("skipped");
  expect(await kindOf(uninstallFrom(broken, invokingUser))).toBe("skipped");
});
