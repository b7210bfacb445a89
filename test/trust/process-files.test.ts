import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadNative } from "../../src/native/native.js";
import { type FileContent, type ProcessRef, processFiles } from "../../src/trust/process-files.js";
import { isRoot, NOBODY, type Started, start } from "../native/clients.js";
import { temporaryFolder } from "../temporary-folder.js";

const native = loadNative();
const files = processFiles();
const MAX = 1 << 20;
/** Far more than is needed: what is tested is the answer. */
const LIMIT = 10_000;
const SILENT_FUSE = fileURLToPath(new URL("silent-fuse.py", import.meta.url));
const GROUP = 54_321;

const refOf = (pid: number): ProcessRef => native.processInfo(pid)!;

describe.skipIf(native.implementation !== "linux")("files of a process", () => {
  const folder = temporaryFolder();
  const at = (name: string) => path.join(folder, name);
  const put = (name: string, text: string, mode = 0o644) => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true });
    fs.writeFileSync(at(name), text, { mode });
    fs.chmodSync(at(name), mode);
    return at(name);
  };
  const read = async (process: ProcessRef, file: string, max = MAX) => {
    const answer = await files.readFileAs(process, file, max, LIMIT);
    return answer !== null && typeof answer === "object" ? answer.bytes.toString() : answer;
  };
  beforeAll(() => fs.chmodSync(folder, 0o755));

  describe("as this process sees them", () => {
    const self = refOf(process.pid);

    it("are read whole, with what names their content", async () => {
      const file = put("plain", "text");
      const before = await files.readFileAs(self, file, MAX, LIMIT);
      expect(before).toMatchObject({ bytes: Buffer.from("text") });
      fs.writeFileSync(file, "other");
      const after = await files.readFileAs(self, file, MAX, LIMIT);
      expect(after).not.toMatchObject({ identity: (before as { identity: string }).identity });
      const { mtimeMs, ctimeMs } = fs.statSync(file);
      expect((after as { changedAt: number }).changedAt).toBeCloseTo(Math.max(mtimeMs, ctimeMs), 1);
    });

    it("are not read again while they are what was read before, and never for who may not", async () => {
      const file = put("known", "text");
      const { identity, changedAt } = (await files.readFileAs(self, file, MAX, LIMIT)) as FileContent;
      expect(await files.readFileAs(self, file, MAX, LIMIT, identity)).toEqual({ identity, changedAt });
      expect(await files.readFileAs(self, file, MAX, LIMIT, `${identity}0`)).toHaveProperty("bytes");
      expect(await files.readFileAs(self, file, 3, LIMIT, identity)).toBe("refused");
      fs.writeFileSync(file, "other");
      expect(await files.readFileAs(self, file, MAX, LIMIT, identity)).toHaveProperty("bytes");
    });

    it("may be reached by links, also by absolute ones", async () => {
      fs.symlinkSync(put("target", "linked"), at("link"));
      expect(await files.resolveAs(self, at("link"), LIMIT)).toBe(at("target"));
      expect(await files.resolveAs(self, at("nowhere"), LIMIT)).toBeNull();
      expect(await read(self, at("link"))).toBe("linked");
    });

    it("are absent when nothing has that name", async () => {
      expect(await read(self, at("nothing"))).toBe("absent");
      expect(await read(self, `${put("file", "")}/below`)).toBe("absent");
      expect(await read(self, "")).toBe("absent");
    });

    it("are refused beyond the size that is wanted, and read at exactly that size", async () => {
      const file = put("sized", "12345");
      expect(await read(self, file, 5)).toBe("12345");
      expect(await read(self, file, 4)).toBe("refused");
      fs.truncateSync(put("huge", ""), 0);
      fs.truncateSync(at("huge"), 2 ** 40);
      expect(await read(self, at("huge"))).toBe("refused");
      fs.rmSync(at("huge"));
    });

    it.each([
      ["a folder", () => folder],
      ["a device", () => "/dev/zero"],
      ["a terminal", () => "/dev/tty"],
      [
        "a pipe that nobody writes to",
        () => {
          execFileSync("mkfifo", [at("fifo")]);
          return at("fifo");
        },
      ],
      [
        "a circle of links",
        () => {
          fs.symlinkSync(at("circle"), at("circle"));
          return at("circle");
        },
      ],
      ["a link of /proc, which leads anywhere", () => "/proc/self/root/etc/hostname"],
      ["a name that is too long", () => `/${"x".repeat(300)}`],
    ])("are not opened where there is %s", async (_, make) => {
      expect(await read(self, make())).toBe("refused");
    });

    it("are not opened where there is a socket", async () => {
      const server = net.createServer().listen(at("socket"));
      try {
        expect(await read(self, at("socket"))).toBe("refused");
      } finally {
        server.close();
      }
    });

    it("of /proc are nothing to read: they say a size of 0 and have another", async () => {
      expect([null, "refused", "absent"]).toContain(await read(self, "/proc/kcore"));
    });

    it("are unknown when the process is another one by now", async () => {
      const file = put("mine", "text");
      expect(await read({ ...self, startTime: self.startTime + 1 }, file)).toBeNull();
      expect(await read({ ...self, uid: self.uid + 1 }, file)).toBeNull();
      expect(await read({ ...self, pid: 2 ** 22 + 1 }, file)).toBeNull();
      expect(await read(self, `${file}\0`)).toBeNull();
    });

    it("in a folder are listed, up to a number", async () => {
      put("list/a", "");
      put("list/b", "");
      expect((await files.listFolderAs(self, at("list"), 2, LIMIT))?.sort()).toEqual(["a", "b"]);
      expect(await files.listFolderAs(self, at("list"), 1, LIMIT)).toBeNull();
      expect(await files.listFolderAs(self, at("list/a"), 10, LIMIT)).toBeNull();
    });

    it("tell what it was started with, and no other variable", async () => {
      await using child = start("cat", [], {
        env: { PATH: process.env.PATH, CA: "/a=b", KEY: "secret", CA2: "" },
      });
      child.process.stdin!.write("runs\n");
      await child.line();
      const program = await files.readProgramFiles(refOf(child.pid), ["CA", "CA2", "CA3"], LIMIT);
      const executable = fs.statSync(`/proc/${child.pid}/exe`, { bigint: true });
      expect(program).toEqual({
        tree: expect.stringMatching(/^mnt:\[\d+\]:\d+:\d+$/),
        workingDirectory: process.cwd(),
        environment: { CA: "/a=b", CA2: "" },
        mapped: null,
        size: Number(executable.size),
        executable: [
          executable.dev,
          executable.ino,
          executable.size,
          executable.mtimeNs,
          executable.ctimeNs,
        ].join(":"),
      });
      const head = await files.readExecutablePart(refOf(child.pid), 1, 3, LIMIT);
      expect(head?.toString()).toBe("ELF");
      const mapped = await files.readMappedFiles(refOf(child.pid), LIMIT);
      expect(mapped).toContain(fs.realpathSync(`/proc/${child.pid}/exe`));
      expect(mapped?.some((name) => /\/libc[.-]/.test(name))).toBe(true);
      const both = await files.readProgramFiles(refOf(child.pid), [], LIMIT, true);
      expect(both?.mapped).toEqual(mapped);
    });

    it("are searched for a text, also where it straddles what is read at once", async () => {
      const text = "only here, beside the source";
      const executable = put("searched", "", 0o755);
      const cat = fs.readFileSync(fs.realpathSync("/bin/cat"));
      fs.writeFileSync(
        executable,
        Buffer.concat([cat, Buffer.alloc((1 << 20) - cat.length - 5), Buffer.from(text)]),
      );
      await using child = start(executable, []);
      child.process.stdin!.write("runs\n");
      await child.line();
      const { size } = fs.statSync(executable);
      const find = (length: number, wanted: string) =>
        files.findInExecutable(refOf(child.pid), 0, length, wanted, LIMIT);
      expect(await find(size, text)).toBe(true);
      expect(await find(size - 1, text)).toBe(false);
      expect(await find(size + 5, `${text}.`)).toBe(false);
    });
  });

  describe.skipIf(!isRoot)("as another user's process sees them", () => {
    let nobody: Started;
    let jailed: Started;
    beforeAll(async () => {
      nobody = start("cat", [], { uid: NOBODY, gid: NOBODY });
      nobody.process.stdin!.write("runs\n");
      await nobody.line();
      // A root of its own: a folder in which its program lies as a bind mount, in a namespace that goes with it.
      for (const name of ["jail/bin", "jail/lib", "jail/lib64", "jail/usr", "jail/proc"])
        fs.mkdirSync(at(name), { recursive: true });
      put("jail/etc/ca.pem", "the jail's");
      put("etc/ca.pem", "the machine's");
      fs.symlinkSync("/etc/ca.pem", at("jail/absolute"));
      fs.symlinkSync("../../../../../../../../etc/ca.pem", at("jail/upwards"));
      fs.symlinkSync(at("etc/ca.pem"), at("jail/outside"));
      const binds = ["bin", "lib", "lib64", "usr"].map(
        (name) => `mount --rbind /${name} ${at("jail")}/${name}`,
      );
      const script = `set -e; ${binds.join("; ")}; exec chroot ${at("jail")} /bin/cat`;
      jailed = start("unshare", ["--mount", "--propagation", "private", "sh", "-c", script]);
      jailed.process.stdin!.write("runs\n");
      await jailed.line();
    });
    afterAll(async () => {
      await nobody[Symbol.asyncDispose]();
      await jailed[Symbol.asyncDispose]();
    });

    it.each([
      ["only for root", 0o600, "refused"],
      ["for everybody", 0o644, "text"],
      ["for nobody at all", 0o000, "refused"],
    ])("a file %s", async (name, mode, expected) => {
      expect(await read(refOf(nobody.pid), put(name.replaceAll(" ", "-"), "text", mode))).toBe(expected);
    });

    it("a file of its own, and one in a folder that it may not enter", async () => {
      fs.chownSync(put("own", "text", 0o600), NOBODY, NOBODY);
      expect(await read(refOf(nobody.pid), at("own"))).toBe("text");
      put("closed/file", "text");
      fs.chmodSync(at("closed"), 0o700);
      expect(await read(refOf(nobody.pid), at("closed/file"))).toBe("refused");
    });

    it("a file in a home without a process of its owner's, with the owner's rights", async () => {
      const owner = { uid: NOBODY, gid: NOBODY };
      const readOf = async (file: string) => {
        const answer = await files.readFileOf(owner, file, MAX, LIMIT);
        return answer !== null && typeof answer === "object" ? answer.bytes.toString() : answer;
      };
      const own = put("owner/own", "text", 0o600);
      fs.chownSync(own, NOBODY, NOBODY);
      expect(await readOf(own)).toBe("text");
      expect(await readOf(put("owner/of-root", "text", 0o600))).toBe("refused");
      // Of root's group, which root is in, and the owner is not.
      expect(await readOf(put("owner/of-roots-group", "text", 0o640))).toBe("refused");
      fs.symlinkSync(at("owner/of-root"), at("owner/link"));
      expect(await readOf(at("owner/link"))).toBe("refused");
      execFileSync("mkfifo", ["-m", "666", at("owner/pipe")]);
      expect(await readOf(at("owner/pipe"))).toBe("refused");
      expect(await readOf(at("owner/none"))).toBe("absent");
      expect([process.geteuid?.(), process.getgroups?.().includes(NOBODY)]).toEqual([0, false]);
    });

    it("a file of one of its groups", async () => {
      const file = put("of-group", "text", 0o640);
      fs.chownSync(file, 0, GROUP);
      expect(await read(refOf(nobody.pid), file)).toBe("refused");
      const args = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, `--groups=${GROUP}`, "cat"];
      await using member = start("setpriv", args);
      member.process.stdin!.write("runs\n");
      await member.line();
      expect(await read(refOf(member.pid), file)).toBe("text");
    });

    it("what one user may read is not read for the next one on the same thread", async () => {
      const file = put("between", "text", 0o600);
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, index) => read(refOf(index % 2 ? nobody.pid : process.pid), file)),
      );
      expect(answers).toEqual(answers.map((_, index) => (index % 2 ? "refused" : "text")));
      expect(process.geteuid?.()).toBe(0);
      expect(fs.readFileSync(file, "utf8")).toBe("text");
    });

    it("links count from its root, and none leads out of it", async () => {
      const jail = refOf(jailed.pid);
      expect(await read(jail, "/etc/ca.pem")).toBe("the jail's");
      expect(await read(jail, "/absolute")).toBe("the jail's");
      expect(await read(jail, "/upwards")).toBe("the jail's");
      expect(await read(jail, "/../../etc/ca.pem")).toBe("the jail's");
      expect(await read(jail, "/outside")).toBe("absent");
    });

    it("a file that never answers costs one thread, and its user the answers meanwhile; nobody else", async (test) => {
      fs.mkdirSync(at("silent"), { mode: 0o755 });
      const mounted = spawn(
        "unshare",
        ["--mount", "--propagation", "private", "python3", SILENT_FUSE, at("silent")],
        { stdio: ["pipe", "pipe", "pipe"] },
      );
      const ended = new Promise<void>((resolve) => mounted.once("close", () => resolve()));
      try {
        const said = await new Promise<string>((resolve) => {
          mounted.stdout.once("data", (data: Buffer) => resolve(data.toString().trim()));
          mounted.stderr.once("data", (data: Buffer) => resolve(data.toString().trim()));
        });
        if (said !== "mounted") return test.skip(`no FUSE here: ${said}`);
        const enter = ["--mount", `--target=${mounted.pid}`, "setpriv", "--reuid=54322", "--regid=54322"];
        await using client = start("nsenter", [...enter, "--clear-groups", "cat"]);
        client.process.stdin!.write("runs\n");
        await client.line();
        const victim = refOf(client.pid);
        expect(victim.uid).toBe(54322);
        for (let attempt = 0; attempt < 20; attempt++) {
          expect(await files.readFileAs(victim, at("silent/file"), MAX, 20)).toBeNull();
        }
        const plain = put("plain-of-victim", "text");
        expect(await read(victim, plain)).toBeNull();
        expect(await read(refOf(nobody.pid), plain)).toBe("text");
        const names = fs.readdirSync("/proc/self/task");
        expect(names.length).toBeLessThan(64);
      } finally {
        mounted.kill("SIGKILL");
        await ended;
      }
    });
  });
});
