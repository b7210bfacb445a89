import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { openCa } from "../../src/certificates/ca.js";
import { LeafIssuer } from "../../src/certificates/leaf.js";
import { toolPath } from "../../src/trust/tool-path.js";
import { nameOf } from "../../src/trust/trust-store.js";
import { MAIN } from "../built-oximy.js";
import { ANA, OwnMachine } from "./own-machine.js";

const BUNDLE = "/etc/ssl/certs/ca-certificates.crt";
const CERTUTIL = toolPath("certutil");
const LONG = { timeout: 400_000 };

const KEYTOOL = toolPath("keytool");
/** Debian puts Java's store under /etc/ssl, of which the machine has a copy; elsewhere it would be the real one. */
const realJava =
  KEYTOOL !== undefined &&
  !realpathSync(join(realpathSync(KEYTOOL), "../../lib/security/cacerts")).startsWith("/etc/ssl/");

const unsuited =
  process.platform !== "linux" || process.getuid?.() !== 0
    ? "needs root on Linux"
    : spawnSync("unshare", ["--mount", "true"]).status !== 0
      ? "needs mount namespaces"
      : !existsSync("/usr/sbin/update-ca-certificates")
        ? "needs Debian's update-ca-certificates"
        : realJava
          ? "Java's store cannot be copied"
          : undefined;

interface Row {
  readonly store: string;
  readonly state?: string;
  readonly outcome?: string;
}

describe.skipIf(unsuited !== undefined)(
  `oximy ca install and uninstall${unsuited ? `: ${unsuited}` : ""}`,
  () => {
    let machine: OwnMachine;
    let realBundle: Buffer;
    const ca = async (verb: string, way: "herself" | "sudo" = "sudo") => {
      const { stdout, stderr, code } = await machine.asAna(
        [process.execPath, MAIN, "ca", verb, "--json"],
        way,
      );
      const told = stdout === "" ? [] : JSON.parse(stdout);
      const rows = (told.stores ?? told) as Row[];
      return {
        code,
        stderr,
        of: Object.fromEntries(rows.map((row) => [row.store, row.state ?? row.outcome])),
      };
    };
    const addDatabase = async (folder: string) => {
      const path = join(machine.home, folder);
      const make = `mkdir -p ${path} && certutil -d sql:${path} -N --empty-password`;
      expect(await machine.asAna(["sh", "-c", make])).toMatchObject({ code: 0 });
    };

    beforeEach(() => {
      realBundle = readFileSync(BUNDLE);
      machine = new OwnMachine();
      onTestFinished(() => {
        expect(readFileSync(BUNDLE).equals(realBundle), "the real store is as it was").toBe(true);
      });
    });

    it(
      "curl, browsers and Java trust us in between, and only then; all can be done twice",
      LONG,
      async () => {
        const stores = ["debian"];
        if (CERTUTIL) {
          await addDatabase(".pki/nssdb");
          await addDatabase(".mozilla/firefox/abc.default");
          stores.push("chromium", "firefox");
        }
        if (KEYTOOL) stores.push("java");
        const all = (what: string) => Object.fromEntries(stores.map((store) => [store, what]));

        expect(await ca("install")).toMatchObject({ code: 0, of: all("done") });
        expect(await ca("install")).toMatchObject({ code: 0, of: all("unchanged") });
        expect((await ca("status")).of).toMatchObject(all("trusted"));
        const curl = await curlToOurServer();
        expect(await curl()).toBe(0);
        // The key is root's alone, and ana has none of her own by it.
        const { uid, mode } = statSync(join(machine.state, "ca/oximy-ca-key.pem"));
        expect([uid, mode & 0o777]).toEqual([0, 0o600]);
        expect(existsSync(join(machine.home, ".oximy/ca"))).toBe(false);
        if (CERTUTIL) {
          const database = join(machine.home, ".pki/nssdb");
          const { stdout } = await machine.asAna(["certutil", "-d", `sql:${database}`, "-L"]);
          expect(stdout).toMatch(/^oximy-ca-[0-9a-f]{16} +C,,/m);
          expect(statSync(join(database, "cert9.db")).uid).toBe(ANA);
        }

        expect(await ca("uninstall")).toMatchObject({ code: 0, of: all("done") });
        expect(await ca("uninstall")).toMatchObject({ code: 0, of: all("unchanged") });
        expect((await ca("status")).of).toMatchObject(all("not_trusted"));
        expect(await curl()).toBe(60); // CURLE_PEER_FAILED_VERIFICATION
        expect((await machine.run(["cat", BUNDLE])).stdout).toBe(realBundle.toString());
        // Nor is a link to what is gone left, by name or by hash.
        const links = ["find", "/etc/ssl/certs", "-lname", "*oximy-ca-*"];
        expect(await machine.run(links)).toMatchObject({ code: 0, stdout: "" });
      },
    );

    it("without root, the user's browsers are done and the rest is left, with 3", LONG, async (test) => {
      if (!CERTUTIL) return test.skip("needs certutil (libnss3-tools)");
      await addDatabase(".pki/nssdb");
      const { code, stderr, of } = await ca("install", "herself");
      expect(of).toMatchObject({ debian: "needs_root", chromium: "done" });
      // Her own, whose key her programs can read: for her browsers alone.
      expect(statSync(join(machine.home, ".oximy/ca/oximy-ca-key.pem")).uid).toBe(ANA);
      expect(existsSync(join(machine.state, "ca"))).toBe(false);
      expect((await machine.run(["cat", BUNDLE])).stdout).toBe(realBundle.toString());
      expect(stderr).toContain("sudo oximy ca install");
      expect(code).toBe(3);
    });

    it("an older certificate, whose key a user has, goes when root's comes", LONG, async () => {
      if (CERTUTIL) await addDatabase(".pki/nssdb");
      // As versions before had it: the user's own, in the stores of all.
      const older = openCa(join(machine.home, ".oximy/ca"));
      const name = nameOf(older.certificate.fingerprint256.replaceAll(":", ""));
      const anchor = `/usr/local/share/ca-certificates/${name}.crt`;
      const put = ["cp", older.certificatePath, anchor];
      await machine.run(["sh", "-c", `${put.join(" ")} && update-ca-certificates`]);
      expect((await machine.run(["cat", BUNDLE])).stdout).toContain(older.certificatePem.trim());
      if (CERTUTIL) {
        const database = `sql:${join(machine.home, ".pki/nssdb")}`;
        const add = ["certutil", "-d", database, "-A", "-t", "C,,", "-n", name, "-i", older.certificatePath];
        await machine.run(["chown", "-R", `${ANA}:${ANA}`, join(machine.home, ".oximy")]);
        expect(await machine.asAna(add)).toMatchObject({ code: 0 });
      }
      const told = await machine.asAna([process.execPath, MAIN, "ca", "status"], "sudo");
      expect(told.stdout).toContain(`also: your own (${name}.crt)`);

      const done = CERTUTIL ? { debian: "done", chromium: "done" } : { debian: "done" };
      expect(await ca("install")).toMatchObject({ code: 0, of: done });
      expect((await machine.run(["cat", BUNDLE])).stdout).not.toContain(older.certificatePem.trim());
      expect((await machine.run(["ls", "/usr/local/share/ca-certificates"])).stdout).not.toContain(name);
      if (CERTUTIL) {
        const list = ["certutil", "-d", `sql:${join(machine.home, ".pki/nssdb")}`, "-L"];
        const { stdout } = await machine.asAna(list);
        expect(stdout).not.toContain(name);
        expect(stdout).toMatch(/^oximy-ca-[0-9a-f]{16} +C,,/m);
      }
      expect((await ca("install")).of.debian).toBe("unchanged");
    });

    it("oximy uninstall --purge leaves neither trust nor files", LONG, async () => {
      await ca("install");
      const command = ["unshare", "-n", process.execPath, MAIN, "uninstall", "--purge"];
      const { code, stdout } = await machine.asAna(command, "sudo");
      expect(stdout).toMatch(/^removed +system/m);
      expect(stdout).toContain(`removed      ${machine.state}`);
      expect(code).toBe(0);
      expect([machine.state, join(machine.home, ".oximy")].filter(existsSync)).toEqual([]);
      expect((await machine.run(["cat", BUNDLE])).stdout).toBe(realBundle.toString());
    });

    it("a certificate whose key is gone is still found and taken out", LONG, async () => {
      await ca("install");
      await machine.run(["rm", "-rf", machine.state]);
      expect((await ca("uninstall")).of).toMatchObject({ debian: "done" });
      expect((await machine.run(["cat", BUNDLE])).stdout).toBe(realBundle.toString());
      expect(existsSync(join(machine.home, ".oximy"))).toBe(false);
    });

    /** A call to a server with a leaf of our CA; gives curl's exit code. */
    async function curlToOurServer(): Promise<() => Promise<number>> {
      const issuer = new LeafIssuer(openCa(join(machine.state, "ca")));
      const server = createServer(
        { SNICallback: (name, done) => done(null, issuer.contextFor(name)) },
        (socket) => socket.on("error", () => {}).end("HTTP/1.1 204 No Content\r\n\r\n"),
      );
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      onTestFinished(() => void server.close());
      const to = `api.openai.com:${(server.address() as AddressInfo).port}`;
      const command = ["curl", "-sS", "--resolve", `${to}:127.0.0.1`, `https://${to}/`];
      return async () => (await machine.asAna(command)).code;
    }
  },
);
