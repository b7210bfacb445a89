import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createUserNames } from "../../src/attribution/user-names.js";
import { findKeytool } from "../../src/trust/find-stores.js";
import { macosStore } from "../../src/trust/macos.js";
import { installInto, storeStatus, uninstallFrom } from "../../src/trust/trust.js";
import { nameOf } from "../../src/trust/trust-store.js";
import { findInvokingUser, macHome } from "../../src/user/invoking-user.js";
import { temporaryFolder } from "../temporary-folder.js";
import { executable, NO_JAVA, security } from "./mac-stand-ins.js";

const HASH = "0123456789ABCDEF".repeat(4);
const certificate = { name: nameOf(HASH), pem: "PEM", path: "/Users/ana/.oximy/ca/oximy-ca-cert.pem" };
const invokingUser = findInvokingUser();

describe.skipIf(process.getuid?.() !== 0)("the keychain of macOS", () => {
  it("trusts the certificate when somebody at the screen gave leave", async () => {
    const store = macosStore(security("somebody", HASH).path);
    expect((await installInto(store, certificate, invokingUser)).outcome).toEqual({ kind: "done" });
    expect((await installInto(store, certificate, invokingUser)).outcome).toEqual({ kind: "unchanged" });
    expect((await uninstallFrom(store, invokingUser)).outcome).toEqual({ kind: "done" });
    expect((await storeStatus(store, certificate, invokingUser)).state).toEqual({ kind: "not_trusted" });
  });

  it("does not trust a certificate that it has, when nobody could be asked", async () => {
    const store = macosStore(security("nobody", HASH).path);
    const { outcome } = await installInto(store, certificate, invokingUser);
    expect(outcome).toMatchObject({
      kind: "failed",
      why: expect.stringContaining("no user interaction was possible"),
      advice: expect.stringContaining("not over SSH"),
    });
    const { state, entries } = await storeStatus(store, certificate, invokingUser);
    expect({ state, entries }).toEqual({
      state: { kind: "not_trusted" },
      entries: [`${certificate.name} ${HASH}`],
    });
    expect((await uninstallFrom(store, invokingUser)).outcome).toEqual({ kind: "done" });
  });

  it("is asked for trust in TLS alone, and says before that a dialog will come", async () => {
    const { path, calls } = security("somebody", HASH);
    const store = macosStore(path);
    await installInto(store, certificate, invokingUser);
    const added = readFileSync(calls, "utf8")
      .split("\n")
      .find((line) => line.startsWith("add-trusted-cert"));
    expect(added).toContain("-p ssl -p basic -k");
    expect(store.notice).toMatch(/dialog/);
  });
});

describe("the keytool of a Mac", () => {
  const stub = () => executable(join(temporaryFolder(), "keytool"), NO_JAVA);
  const java = () => {
    const home = temporaryFolder();
    executable(join(home, "bin/keytool"), "exit 0");
    return home;
  };

  it("is none where /usr/bin has only the stub and there is no Java", () => {
    expect(findKeytool({ PATH: "/usr/bin" }, () => undefined)).toEqual([]);
  });

  it("is that of the Java that java_home names", () => {
    const home = java();
    expect(findKeytool({ PATH: "/usr/bin:/usr/local/none" }, () => home)).toEqual([
      join(home, "bin/keytool"),
    ]);
  });

  it("is none when java_home names a Java that is gone", () => {
    expect(findKeytool({ PATH: "/usr/bin" }, () => "/Library/Java/gone")).toEqual([]);
  });

  it("is that of JAVA_HOME, or of PATH, first", () => {
    const [home, other] = [java(), java()];
    expect(findKeytool({ JAVA_HOME: home, PATH: "/usr/bin" }, () => other)).toEqual([
      join(home, "bin/keytool"),
    ]);
    const PATH = `/usr/bin:${join(home, "bin")}`;
    expect(findKeytool({ PATH }, () => other)).toEqual([join(home, "bin/keytool")]);
  });

  it("elsewhere is that of PATH, wherever it is", () => {
    const path = stub();
    expect(findKeytool({ PATH: join(path, "..") }, undefined)).toEqual([path]);
  });
});

describe("accounts of a Mac", () => {
  /** dscl: `.` knows the accounts of this Mac only, `/Search` those of the directories too. */
  const dscl = executable(
    join(temporaryFolder(), "dscl"),
    `case "$*" in
"/Search -read /Users/ana NFSHomeDirectory") echo "NFSHomeDirectory: /Users/ana" ;;
"/Search -read /Users/network NFSHomeDirectory") printf 'NFSHomeDirectory:\\n /Network/Home Folders/network\\n' ;;
*) echo '<dscl_cmd> DS Error: -14136 (eDSRecordNotFound)' >&2; exit 56 ;;
esac`,
  );
  const id = executable(
    join(temporaryFolder(), "id"),
    `case "$*" in
"-u bob") echo 502 ;;
"-un 502") echo bob ;;
"-un 777") echo 777 ;;
*) echo "id: no such user" >&2; exit 1 ;;
esac`,
  );

  it.each([
    ["ana", "/Users/ana"],
    ["network", "/Network/Home Folders/network"],
    ["ghost", undefined],
  ])("the home of %s is %s", (user, home) => {
    expect(macHome(user, dscl)).toBe(home);
  });

  it("other people's are known by name and by number, and nobody's are not", () => {
    const users = createUserNames("/dev/null", {}, id);
    expect([users.uidOf("bob"), users.uidOf("ghost"), users.uidOf("-u"), users.uidOf("502")]).toEqual([
      502,
      undefined,
      undefined,
      undefined,
    ]);
    expect([users.nameOf(502), users.nameOf(777), users.nameOf(778)]).toEqual(["bob", undefined, undefined]);
  });
});
