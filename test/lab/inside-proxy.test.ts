import { chmodSync, chownSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../src/demo/lab/lab.js";
import { OXIMY_GID } from "../../src/local/settings.js";
import { temporaryFolder } from "../temporary-folder.js";
import { CALLER, LabOximy, PROJECT } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const ANOTHER = 23_999;
/** One that every user may start; a first one on the path may be somebody's own. */
const PYTHON = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

/**
 * Whoever takes the proxy over has its user and its group, and no more. Not refused is what the user may do anyway:
 * above all to read that user's own files, among them the key of the certificate authority, which is his.
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
    await lab.machine.exec("curl", [
      "-sS",
      "--cacert",
      oximy.certificate,
      "https://api.openai.com/v1/models",
    ]);
    expect(await oximy.captured(1)).toHaveLength(1);
  });

  it("the key of the certificate authority is for that user alone", async () => {
    const key = join(oximy.home, "ca/oximy-ca-key.pem");
    const read = (uid: number, gid: number) => lab.machine.exec("cat", [key], { uid, gid });
    expect((await read(ANOTHER, ANOTHER)).code).not.toBe(0);
    expect((await read(ANOTHER, OXIMY_GID)).code).not.toBe(0);
  });
});
