import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { SIGNER_ID } from "../../src/supervisor/signer-protocol.js";
import { OXIMY_GID } from "../../src/user/settings.js";
import { temporaryFolder } from "../temporary-folder.js";
import { CALLER, LabOximy, PROJECT, stateFolderOf } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const ANOTHER = 23_999;
/** One that every user may start; a first one on the path may be somebody's own. */
const PYTHON = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

/**
 * Whoever takes the proxy over has its user and its group, and no more. Not refused is what the user may do anyway:
 * above all to read that user's own files.
 */
describe.skipIf(requireLab())("from inside the proxy", () => {
  let lab: Lab;
  let oximy: LabOximy;
  let attempts: Record<string, string>;
  const statusOf = (pid: number) => readFileSync(`/proc/${pid}/status`, "utf8");

  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: ["api.openai.com"] });
    oximy = await LabOximy.start(lab);
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    const files = { foreign: join(folder, "foreign"), ofRoot: join(folder, "of-root") };
    for (const file of Object.values(files)) writeFileSync(file, "text", { mode: 0o600 });
    chownSync(files.foreign, ANOTHER, ANOTHER);
    // The supervisor is what the lab started; nothing comes between.
    const pids = [oximy.process.pid, oximy.proxyPid].map(String);
    const { code, stdout, stderr } = await lab.machine.exec(
      PYTHON,
      [join(PROJECT, "test/lab/clients/probe.py"), ...pids, files.foreign, files.ofRoot],
      { uid: CALLER.uid, gid: OXIMY_GID },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    attempts = JSON.parse(stdout) as Record<string, string>;
  });
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  it("nothing of others, of root, of the rules and of the proxy itself can be had", () => {
    const refused = Object.fromEntries(
      Object.entries(attempts).map(([name, end]) => [name, /^E(PERM|ACCES)$/.test(end) ? "refused" : end]),
    );
    expect(refused).toEqual(Object.fromEntries(Object.keys(attempts).map((name) => [name, "refused"])));
    expect(Object.keys(attempts)).toHaveLength(20);
  });

  it("there are no capabilities, and no group of root's", () => {
    const status = statusOf(oximy.proxyPid);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
      expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, "m"));
    }
    expect(status).toMatch(new RegExp(`^Uid:(\\t${CALLER.uid}){4}$`, "m"));
    expect(status).toMatch(new RegExp(`^Gid:(\\t${OXIMY_GID}){4}$`, "m"));
    const [, groups = ""] = /^Groups:\t(.*)$/m.exec(status) ?? [];
    expect(groups.trim().split(" ")).toEqual([String(CALLER.gid)]);
  });

  it("the rules are as before, and the capture goes on", async () => {
    const { stdout } = await lab.machine.exec("nft", ["list", "tables"]);
    expect(stdout).toMatch(/table inet oximy$/m);
    const { stderr } = await lab.machine.exec("curl", ["-sSv", "https://api.openai.com/v1/models"], {
      env: { CURL_CA_BUNDLE: oximy.certificate },
    });
    expect(stderr).toMatch(/issuer:.*Oximy CA/);
    expect(await oximy.captured(1)).toHaveLength(1);
  });

  it("the key of the certificate authority is root's, and was never anybody else's", async () => {
    const key = join(stateFolderOf(oximy.home), "ca/oximy-ca-key.pem");
    const { mode, uid, gid } = statSync(key);
    expect([mode & 0o777, uid, gid]).toEqual([0o600, 0, 0]);
    for (const [user, group] of [
      [CALLER.uid, CALLER.gid],
      [CALLER.uid, OXIMY_GID],
      [ANOTHER, OXIMY_GID],
    ] as const) {
      const { code, stderr } = await lab.machine.exec("cat", [key], { uid: user, gid: group });
      expect([code, stderr]).toEqual([1, expect.stringContaining("Permission denied")]);
    }
    // The user has no CA of his own by this.
    expect(existsSync(join(oximy.home, "ca"))).toBe(false);
  });

  it("who signs has no rights, no network and no user, and cannot be looked into", async () => {
    // A certificate was asked for above.
    const signer = oximy.childPid("signer-process");
    const status = statusOf(signer);
    expect(status).toMatch(new RegExp(`^Uid:(\\t${SIGNER_ID}){4}$`, "m"));
    expect(status).toMatch(new RegExp(`^Gid:(\\t${SIGNER_ID}){4}$`, "m"));
    expect(status).toMatch(/^Groups:\t *$/m);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
      expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, "m"));
    }
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    for (const thread of readdirSync(`/proc/${signer}/task`)) {
      expect(readFileSync(`/proc/${signer}/task/${thread}/status`, "utf8")).toMatch(/^Seccomp:\t2$/m);
    }
    // Nobody's but root's: not even of another process with its own number.
    expect(statSync(`/proc/${signer}/mem`).uid).toBe(0);
    const { code } = await lab.machine.exec("cat", [`/proc/${signer}/environ`], {
      uid: SIGNER_ID,
      gid: SIGNER_ID,
    });
    expect(code).not.toBe(0);
  });

  it("what was signed is noted for root", () => {
    const log = join(stateFolderOf(oximy.home), "ca/signed.log");
    expect(statSync(log).mode & 0o777).toBe(0o600);
    expect(readFileSync(log, "utf8")).toMatch(/^\S+Z signed api\.openai\.com$/m);
  });
});
