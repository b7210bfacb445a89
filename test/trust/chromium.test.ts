import { existsSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { LeafIssuer } from "../../src/certificates/leaf.js";
import { openMachineCa } from "../../src/certificates/machine-ca.js";
import { MAIN } from "../built-oximy.js";
import { OwnMachine } from "./own-machine.js";

const CHROMIUM = "/usr/bin/chromium";
const unsuited =
  process.platform !== "linux" ||
  process.getuid?.() !== 0 ||
  ![CHROMIUM, "/usr/bin/certutil", "/usr/sbin/update-ca-certificates"].every(existsSync);
const NAME = "api.openai.com";
/** Several starts of a browser and of update-ca-certificates, on a busy machine. */
const LONG = { timeout: 600_000 };

test.skipIf(unsuited)(
  "Chromium accepts the machine's certificate after `sudo oximy ca install`, by no flag, and refuses it after uninstall",
  LONG,
  async () => {
    const machine = new OwnMachine();
    const database = join(machine.home, ".pki/nssdb");
    const make = `mkdir -p ${database} && certutil -d sql:${database} -N --empty-password`;
    expect(await machine.asAna(["sh", "-c", make])).toMatchObject({ code: 0 });

    const ca = async (verb: string) =>
      (await machine.asAna([process.execPath, MAIN, "ca", verb], "sudo")).code;
    expect(await ca("path")).toBe(0);
    const issuer = new LeafIssuer(openMachineCa(undefined, join(machine.state, "ca")));
    const server = createServer(
      { SNICallback: (name, done) => done(null, issuer.contextFor(name)) },
      (_, response) => response.setHeader("content-type", "text/html").end("<p>trusted</p>"),
    ).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;

    let profiles = 0;
    const load = async () => {
      const profile = join(machine.home, `profile-${++profiles}`);
      // What runs it in a test: none of these is about certificates. Ana may have no sandbox here.
      const flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--dump-dom",
      ];
      const where = [`--host-resolver-rules=MAP ${NAME} 127.0.0.1`, `--user-data-dir=${profile}`];
      const { stdout } = await machine.asAna([CHROMIUM, ...flags, ...where, `https://${NAME}:${port}/`]);
      return stdout.includes("<p>trusted</p>") ? "accepted" : "refused";
    };
    expect(await load()).toBe("refused");
    expect(await ca("install")).toBe(0);
    expect(await load()).toBe("accepted");
    expect(await ca("uninstall")).toBe(0);
    expect(await load()).toBe("refused");
  },
);
