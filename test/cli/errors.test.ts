import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { runOximy } from "./oximy.js";

const bundle = fileURLToPath(new URL("../../data/oisp-bundle.json", import.meta.url));
const root = process.getuid?.() === 0;

let home: string;
beforeEach(() => {
  home = temporaryFolder();
  chmodSync(home, 0o755);
});

const oximy = (args: readonly string[], options: { env?: NodeJS.ProcessEnv; uid?: number } = {}) => {
  const { env = {}, uid } = options;
  return runOximy(args, {
    env: { OXIMY_HOME: join(home, "oximy"), ...env },
    ...(uid ? { uid, gid: uid } : {}),
  });
};

const file = (name: string, text: string) => {
  const path = join(home, name);
  writeFileSync(path, text);
  return path;
};

describe("oximy", () => {
  it.each([
    ["an unknown flag", ["proxy", "--nonsense"], "unknown option"],
    ["an unknown command", ["nonsense"], "unknown command"],
    ["no command for run", ["run"], "missing required argument"],
    ["a port that is none", ["proxy", "--port", "99999"], "It must be a port"],
    ["a size that is none", ["proxy", "--max-body", "huge"], "It must be a number of bytes"],
    ["a URL that is none", ["proxy", "--bundle-url", "oisp"], "It must be an http(s) URL"],
    ["ports that are none", ["local", "--ports", "443,https"], "It must be a list of ports"],
  ])("says 2 and what is wrong for %s", async (_name, args, complaint) => {
    const { code, stderr } = await oximy(args);
    expect(stderr).toContain(complaint);
    expect(code).toBe(2);
    expect(existsSync(join(home, "oximy"))).toBe(false);
  });

  it("says 2 for --all-hosts without --app", async () => {
    const { code, stderr } = await oximy(["proxy", "--all-hosts"]);
    expect(stderr).toContain("OXIMY_E_USAGE");
    expect(code).toBe(2);
  });

  it.each([
    ["is not JSON", "{", "OXIMY_E_CONFIG"],
    ["is no object", "[]", "one JSON object"],
    ["has an unknown option", '{"outputdir":"x"}', 'unknown option "outputdir"'],
    ["has an unusable value", '{"max_body":"huge"}', "max_body"],
  ])("says 2 for a configuration file that %s", async (_name, text, complaint) => {
    mkdirSync(join(home, "oximy"));
    writeFileSync(join(home, "oximy/config.json"), text);
    const { code, stderr } = await oximy(["proxy", "--port", "0"]);
    expect(stderr).toContain(complaint);
    expect(code).toBe(2);
  });

  it("says 2 for an unusable variable", async () => {
    const { code, stderr } = await oximy(["proxy"], { env: { OXIMY_BUNDLE_REFRESH_HOURS: "soon" } });
    expect(stderr).toContain("OXIMY_BUNDLE_REFRESH_HOURS");
    expect(code).toBe(2);
  });

  it.skipIf(!root)("says 3 and what to do when oximy local is not root", async () => {
    const { code, stderr } = await oximy(["local"], { uid: 12_345 });
    expect(stderr).toContain("OXIMY_E_PRIVILEGE");
    expect(stderr).toContain("sudo oximy local");
    expect(code).toBe(3);
  });

  it("says 1 when the port is taken, and names the flag", async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
    );
    const { code, stderr } = await oximy(["proxy", "--port", String(port), "--bundle-file", bundle]);
    server.close();
    expect(stderr).toContain("OXIMY_E_PORT_TAKEN");
    expect(stderr).toContain("--port");
    expect(code).toBe(1);
  });

  it.each([
    ["cannot be read", () => join(home, "missing.json"), "OXIMY_E_BUNDLE_UNREADABLE"],
    ["is not JSON", () => file("bundle.json", "<html>"), "OXIMY_E_BUNDLE_NOT_JSON"],
    [
      "has no hosts",
      () => file("bundle.json", '{"bundle_version":"2.1.0","domain_lookup":{}}'),
      "OXIMY_E_BUNDLE_NO_HOSTS",
    ],
  ])("says 1 for a bundle that %s", async (_name, unusable, errorCode) => {
    const { code, stderr, stdout } = await oximy(["proxy", "--port", "0", "--bundle-file", unusable()]);
    expect(stderr).toContain(errorCode);
    expect([code, stdout]).toEqual([1, ""]);
  });

  it("says 1 for an output folder that cannot be made", async () => {
    const blocked = file("occupied", "a file, where a folder is needed");
    const { code, stderr } = await oximy([
      "proxy",
      "--port",
      "0",
      "--output-dir",
      blocked,
      "--bundle-file",
      bundle,
    ]);
    expect(stderr).toContain("OXIMY_E_OUTPUT_DIR");
    expect(stderr).toContain("--output-dir");
    expect(code).toBe(1);
  });

  it.skipIf(!root)("says 1 and which file it is when the home belongs to somebody else", async () => {
    mkdirSync(join(home, "oximy"), { mode: 0o700 });
    const { code, stderr } = await oximy(["pins", "clear"], { uid: 12_345 });
    expect(stderr).toContain(`permission denied, lstat '${join(home, "oximy/pins.json")}'`);
    expect(stderr).toContain("OXIMY_E_FILE");
    expect(code).toBe(1);
  });

  it("prints errors as JSON when asked to", async () => {
    const { stderr } = await oximy([
      "proxy",
      "--json",
      "--port",
      "0",
      "--bundle-file",
      join(home, "missing.json"),
    ]);
    expect(JSON.parse(stderr.trim().split("\n").at(-1)!)).toMatchObject({
      level: "error",
      code: "OXIMY_E_BUNDLE_UNREADABLE",
    });
  });

  it("makes the user's own certificate authority on first use, for its owner only", async () => {
    const { stdout, stderr, code } = await oximy(["ca", "path", "--own"]);
    expect([code, stdout.trim()]).toEqual([0, join(home, "oximy/ca/oximy-ca-cert.pem")]);
    expect(stderr).toMatch(/your own: `oximy proxy` and `oximy run` use it/);
    expect(statSync(join(home, "oximy/ca/oximy-ca-key.pem")).mode & 0o777).toBe(0o600);
    const shown = await oximy(["ca", "show", "--own"]);
    expect(shown.stdout).toMatch(/whose +your own/);
    expect(shown.stdout).toMatch(/subject +CN=Oximy CA/);
  });

  it.skipIf(!root)("gives root the own certificate where only that one was made", async () => {
    const env = { OXIMY_STATE_DIR: join(home, "no-state") };
    const own = (await oximy(["ca", "path", "--own"], { env })).stdout;
    expect((await oximy(["ca", "path"], { env })).stdout).toBe(own);
    const machines = (await oximy(["ca", "path", "--machine"], { env })).stdout;
    expect(machines).not.toBe(own);
    expect((await oximy(["ca", "path"], { env })).stdout).toBe(machines);
  });

  it.skipIf(!root)("makes the machine's as root, with a certificate for all and a key for root", async () => {
    const env = { OXIMY_STATE_DIR: join(home, "state") };
    const asUser = await oximy(["ca", "path", "--machine"], { env, uid: 12_345 });
    expect([asUser.code, asUser.stderr]).toEqual([3, expect.stringContaining("sudo oximy ca path")]);
    const { stdout, stderr, code } = await oximy(["ca", "path"], { env });
    expect([code, stdout.trim()]).toEqual([0, join(home, "state/ca/oximy-ca-cert.pem")]);
    expect(stderr).toMatch(/the machine's: `oximy local` uses it/);
    const modes = ["", "oximy-ca-cert.pem", "oximy-ca-key.pem"].map(
      (name) => statSync(join(home, "state/ca", name)).mode & 0o777,
    );
    expect(modes).toEqual([0o755, 0o644, 0o600]);
    expect(existsSync(join(home, "oximy"))).toBe(false);
    const again = await oximy(["ca", "path", "--machine"], { env, uid: 12_345 });
    expect(again.stdout).toBe(stdout);
  });

  it.skipIf(!root)("does not keep the machine's where others could put another in its place", async () => {
    const theirs = join(home, "theirs");
    mkdirSync(theirs);
    chownSync(theirs, 12_345, 12_345);
    const { code, stderr } = await oximy(["ca", "path"], { env: { OXIMY_STATE_DIR: join(theirs, "state") } });
    expect([code, stderr]).toEqual([1, expect.stringContaining("belongs to another user")]);
    expect(existsSync(join(theirs, "state"))).toBe(false);
  });

  it("prints variables that a shell can read", async () => {
    const { stdout } = await oximy(["env", "--proxy", "8088"]);
    expect(stdout).toMatch(/^export NODE_EXTRA_CA_CERTS='.*oximy-ca-cert\.pem'$/m);
    expect(stdout).toMatch(/^export HTTPS_PROXY='http:\/\/127\.0\.0\.1:8088'$/m);
    const { stderr } = await oximy(["env", "--proxy", "8088"]);
    expect(stderr).toMatch(/your own/);
  });
});
