import { statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../../lab/lab.js";
import { copiedFiles, usePrivateCopies } from "../../../lab/private-copies.js";
import { LabOximy } from "../oximy.js";
import { requireLab } from "../require-lab.js";

/** Programs that say what they have mapped, and the files that must be among it where they are there. */
const MAPPING: ReadonlyArray<readonly [name: string, command: readonly string[], files: RegExp]> = [
  ["node", ["node", "-p", "require('fs').readFileSync('/proc/self/maps', 'utf8')"], /\/node$/],
  [
    "Python",
    ["/usr/bin/python3", "-c", "import ssl; print(open('/proc/self/maps').read())"],
    /\/(python3\.\d+|libssl\.so\.3|libcrypto\.so\.3)$/,
  ],
  ["curl", ["curl", "-s", "file:///proc/self/maps"], /\/(curl|libssl\.so\.3|libgnutls\.so\.30[\d.]*)$/],
];

/** Of /proc/PID/maps: proc(5). The device is that of the file system, which has one for both here. */
const MAPPED = /^[\da-f]+-[\da-f]+ r-xp [\da-f]+ [\da-f:]+ (\d+) +(\/\S+)/gm;

describe.skipIf(requireLab())("programs in a lab with private copies", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab();
    await usePrivateCopies(lab);
  });
  afterAll(() => lab?.close());

  const executablesOf = (maps: string) =>
    [...maps.matchAll(MAPPED)].map(([, inode, path]) => ({ inode: Number(inode), path: path! }));

  it.each(MAPPING)("%s maps other inodes than the computer's", async (_, [command, ...args], files) => {
    const { stdout, stderr } = await lab.machine.exec(command!, args);
    const mapped = executablesOf(stdout).filter(({ path }) => files.test(path));
    expect(mapped, stderr).not.toEqual([]);
    for (const { inode, path } of mapped) expect([path, inode]).not.toEqual([path, statSync(path).ino]);
  });

  it("has another inode under the name of every file with a copy", async () => {
    const files = copiedFiles();
    const { stdout } = await lab.machine.exec("stat", ["-c", "%i %n", ...files]);
    const own = files.map((path) => `${statSync(path).ino} ${path}`);
    const seen = stdout.trim().split("\n");
    expect(seen).toHaveLength(files.length);
    expect(seen.filter((line) => own.includes(line))).toEqual([]);
    expect(files.join("\n")).toMatch(/\/node$/m);
    expect(files.join("\n")).toMatch(/\/libssl\.so\.3$/m);
  });

  it("runs oximy itself from the copy of its runtime, supervisor and proxy", async () => {
    const oximy = await LabOximy.start(lab);
    const own = statSync(process.execPath).ino;
    for (const pid of [oximy.process.pid, oximy.proxyPid]) {
      expect(statSync(`/proc/${pid}/exe`).ino).not.toBe(own);
    }
    expect((await oximy.stop()).code).toBe(130);
  });

  it("runs a program as another user, in its folder, under its own pid", async () => {
    const script = 'echo "$$ $(id -u) $(id -g) $(pwd) $NAME"';
    const options = { uid: 34_567, cwd: "/usr/share", env: { NAME: "value" } };
    const running = lab.machine.spawn("sh", ["-c", script], options);
    const { stdout } = await running.exited;
    expect(stdout).toBe(`${running.pid} 34567 34567 /usr/share value\n`);
  });
});
