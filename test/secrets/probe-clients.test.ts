import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Site } from "../../src/secrets/site.js";
import { temporaryFolder } from "../temporary-folder.js";
import { siteByLabels } from "./label-vote.js";
import { asLine, keyLog, noProbes, PATIENT, PrivateFile, Probed, siteNamed, TlsRelay } from "./probe-rig.js";

const has = (command: string, ...args: string[]) =>
  spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** The library that a program would load; nothing when there is none. */
function libraryOf(command: string, name: string): string | undefined {
  const executable = spawnSync("which", [command], { encoding: "utf8" }).stdout.trim();
  const listed = spawnSync("ldd", [executable], { encoding: "utf8" }).stdout ?? "";
  return new RegExp(`${name} => (\\S+)`).exec(listed)?.[1];
}

interface Client {
  readonly what: string;
  readonly file: PrivateFile;
  readonly site: Site;
  command(port: number, version: string, log: string): readonly [string, ...string[]];
}

/** Real clients of other stacks than Node's, and what they say themselves of their secrets. */
describe.skipIf(noProbes !== null || process.arch !== "x64")("probes in other programs", PATIENT, () => {
  const clients = new Map<string, Client>();
  beforeAll(() => {
    const libssl = libraryOf("curl", "libssl\\.so\\.3");
    if (libssl !== undefined) {
      const file = new PrivateFile(libssl, "libssl.so.3");
      const command: Client["command"] = (port, version) => [
        "curl",
        ...["-sk", "--max-time", "20", "--tls-max", version.slice(-3), `https://127.0.0.1:${port}/`],
      ];
      clients.set("curl", { what: "OpenSSL", file, site: siteByLabels(file.path), command });
    }
    const gnutls = libraryOf("wget", "libgnutls\\.so\\.30");
    if (gnutls !== undefined) {
      const file = new PrivateFile(gnutls, "libgnutls.so.30");
      const command: Client["command"] = (port, version) => [
        "wget",
        ...["-qO-", "--tries=1", "--no-check-certificate", "--timeout=20"],
        ...(version === "TLSv1.2" ? ["--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.2"] : []),
        `https://127.0.0.1:${port}/`,
      ];
      clients.set("wget", { what: "GnuTLS", file, site: siteByLabels(file.path), command });
    }
    if (has("go", "version") || has("/usr/lib/go/bin/go", "version")) {
      const go = has("go", "version") ? "go" : "/usr/lib/go/bin/go";
      const folder = temporaryFolder();
      const built = path.join(folder, "go-client");
      const env = {
        ...process.env,
        GOFLAGS: "-mod=mod",
        GOCACHE: path.join(folder, "cache"),
        GOPROXY: "off",
      };
      execFileSync(go, ["build", "-o", built, path.join(import.meta.dirname, "go-client.go")], { env });
      const file = new PrivateFile(built);
      fs.rmSync(folder, { recursive: true });
      const site = siteNamed(file.path, "crypto/tls.(*Config).writeKeyLog", "go");
      clients.set("go", {
        what: "crypto/tls",
        file,
        site,
        command: (port, version) => [file.path, `${port}`, version],
      });
    }
  }, 2 * PATIENT.timeout);
  afterAll(() => {
    for (const { file } of clients.values()) file[Symbol.dispose]();
  });

  it.for([
    ["curl", "TLSv1.3"],
    ["curl", "TLSv1.2"],
    ["wget", "TLSv1.3"],
    ["wget", "TLSv1.2"],
    ["go", "TLSv1.3"],
    ["go", "TLSv1.2"],
  ] as const)("bring the client's own secrets: %s, %s", async ([name, version], context) => {
    const client = clients.get(name);
    if (client === undefined) return context.skip(`${name} is not installed, or has another TLS stack`);
    await using probed = new Probed();
    await using relay = await TlsRelay.listen();
    await probed.probes.attach(client.file.fd, name, [client.site]);
    for (const watchId of [1, 2]) {
      const log = path.join(client.file.folder, `keylog-${watchId}`);
      const [command, ...args] = client.command(relay.port, version, log);
      const env = { ...process.env, LD_LIBRARY_PATH: client.file.folder, SSLKEYLOGFILE: log };
      const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "inherit"] });
      relay.onHello = (random) => probed.probes.want(watchId, child.pid!, random);
      let printed = "";
      child.stdout.setEncoding("utf8").on("data", (text) => {
        printed += text;
      });
      const [code] = await once(child, "close");
      expect(code).toBe(0);
      const lines = keyLog(fs.existsSync(log) ? fs.readFileSync(log, "utf8") : printed);
      fs.rmSync(log, { force: true });
      const own = lines
        .filter(({ label }) => label !== "EXPORTER_SECRET")
        .map(({ label, secret }) => `${label} ${secret}`);
      expect(own).toHaveLength(version === "TLSv1.2" ? 1 : 4);
      const mine = () => new Set(probed.frames.filter((frame) => frame.watchId === watchId).map(asLine));
      await probed.until(() => mine().size >= own.length);
      expect([...mine()].sort()).toEqual(own.sort());
      if (client.site.kind === "keylog")
        await expect.poll(() => probed.probes.stats().places, PATIENT).toBe(1);
      probed.probes.unwant(watchId);
    }
    // By the second connection it is known where the random lies; Go hands it over.
    const unproven = probed.frames.filter(
      (frame) => frame.candidate && (frame.watchId === 2 || name === "go"),
    );
    expect(unproven).toEqual([]);
  });
});
