import fs from "node:fs";
import { describe, expect, it } from "vitest";
import { inOrder, mappedFiles, openMapped, parseMaps, startTimeOf } from "../../src/secrets/mapped-files.js";
import { decimalDevice, typesOfDevices, whyNotOpened } from "../../src/secrets/mounts.js";
import { start } from "../native/clients.js";

/** As a fixed program has them (proc_pid_maps(5)). */
const MAPS = `00400000-00e60000 r--p 00000000 fe:01 1442                               /usr/bin/node
00e60000-0283b000 r-xp 00a60000 fe:01 1442                               /usr/bin/node
0283b000-0283c000 r-xp 0243b000 fe:01 1442                               /usr/bin/node
0431d000-0437d000 rw-p 00000000 00:00 0                                  [heap]
7f0000000000-7f0000001000 rwxp 00000000 00:00 0 
7f5d4c000000-7f5d4c155000 r-xp 00028000 00:2d 99                         /usr/lib/libc.so.6
7f5d4c200000-7f5d4c260000 r-xp 0001f000 00:2d 100                        /usr/lib/libssl.so.3 (deleted)
7f5d4c300000-7f5d4c301000 r-xp 00000000 103:02 5                         /home/a b/with space.so
7ffd8a5f4000-7ffd8a5f6000 r-xp 00000000 00:00 0                          [vdso]
`;

describe("the mappings of a process", () => {
  it("give each file with code once, named as in map_files, where numbers have no zeros in front", () => {
    expect(parseMaps(MAPS)).toEqual([
      { device: "254:1", inode: "1442", range: "e60000-283b000", size: 0x19dc000, path: "/usr/bin/node" },
      {
        device: "0:45",
        inode: "99",
        range: "7f5d4c000000-7f5d4c155000",
        size: 0x155000,
        path: "/usr/lib/libc.so.6",
      },
      {
        device: "0:45",
        inode: "100",
        range: "7f5d4c200000-7f5d4c260000",
        size: 0x60000,
        path: "/usr/lib/libssl.so.3 (deleted)",
      },
      {
        device: "259:2",
        inode: "5",
        range: "7f5d4c300000-7f5d4c301000",
        size: 0x1000,
        path: "/home/a b/with space.so",
      },
    ]);
  });

  it("leave out a last line that is cut off, and what is none", () => {
    expect(parseMaps(MAPS.slice(0, 140))).toEqual([]);
    expect(parseMaps("\n\n  x\nr-xp\n----------------------x-----\n")).toEqual([]);
  });

  it("are looked at in order: the executable, what is named like a TLS stack, the largest", () => {
    const files = inOrder(parseMaps(MAPS), "/usr/bin/node");
    expect(files.map((file) => file.inode)).toEqual(["1442", "100", "99", "5"]);
  });

  it.skipIf(process.platform !== "linux")("of this process have its executable first", () => {
    const found = mappedFiles(process.pid)!;
    expect(found.executable).toBe(fs.realpathSync(process.execPath));
    expect(found.files[0]?.path).toBe(found.executable);
    expect(startTimeOf(process.pid)).toBeGreaterThan(0);
  });

  it.skipIf(process.platform !== "linux" || process.getuid?.() !== 0)(
    "can be opened by root, whatever is at their path",
    () => {
      const [file] = mappedFiles(process.pid)!.files;
      const fd = openMapped(process.pid, file!);
      try {
        expect(fs.fstatSync(fd).ino).toBe(fs.statSync(process.execPath).ino);
      } finally {
        fs.closeSync(fd);
      }
    },
  );

  it.skipIf(process.platform !== "linux" || process.getuid?.() !== 0)(
    "are not opened where a device is mapped",
    async () => {
      const script = [
        "import mmap, os, sys",
        "device = os.open('/dev/zero', os.O_RDONLY)",
        "held = mmap.mmap(device, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)",
        "print(os.getpid(), flush=True)",
        "sys.stdin.read()",
      ].join("\n");
      await using child = start("python3", ["-c", script]);
      const pid = Number(await child.line());
      const device = mappedFiles(pid)!.files.find(({ path }) => path === "/dev/zero");
      expect(() => openMapped(pid, device!)).toThrow("the mapped file is not a regular file");
    },
  );

  it("of a process that is none are nothing", () => {
    expect(mappedFiles(2 ** 22 + 1)).toBeUndefined();
    expect(startTimeOf(2 ** 22 + 1)).toBeUndefined();
  });
});

const MOUNTINFO = `23 28 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
91 28 0:45 / /var/lib/docker/overlay2/ab/merged rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
95 28 0:50 / /home/ana/.mount_Cursor ro,nosuid,nodev,relatime shared:9 master:2 - fuse.Cursor-1.AppImage Cursor ro
96 28 0:51 / /srv rw - nfs4 server:/srv rw,hard
97 28 0:52 / /mnt/host rw - 9p host rw
98 28 0:53 / /tmp/with\\040-\\040hyphen rw - tmpfs tmpfs rw
`;

describe("files are opened", () => {
  const ours = typesOfDevices(MOUNTINFO);
  const theirs = typesOfDevices(
    "91 28 0:60 / / rw - overlay overlay rw,lowerdir=/home/ana/fuse\n92 28 0:61 / /x rw - xfs /dev/x rw\n",
  );

  it.each([
    ["a local disk", "254:1", undefined],
    ["memory", "0:53", undefined],
    ["a disk that only they have mounted", "0:61", undefined],
    ["an overlay that root has mounted", "0:45", undefined],
    ["an overlay of a user's namespace", "0:60", "on a file system that may never answer (overlay)"],
    ["FUSE, as of an AppImage", "0:50", "on a file system that may never answer (fuse.Cursor-1.AppImage)"],
    ["NFS", "0:51", "on a file system that may never answer (nfs4)"],
    ["9p", "0:52", "on a file system that may never answer (9p)"],
    ["sysfs", "0:21", "on a file system that may never answer (sysfs)"],
    ["a file system that is mounted nowhere", "0:99", "on a file system that is mounted nowhere"],
  ])("on %s: by the tables of mounts alone", (_what, device, reason) => {
    expect(whyNotOpened(device, ours, theirs)).toBe(reason);
  });

  it("reads devices as maps and mountinfo write them", () => {
    expect(decimalDevice("fe:01")).toBe("254:1");
    expect(decimalDevice("103:1f")).toBe("259:31");
    expect(typesOfDevices("garbage\n1 2 3\n- - - - - - - -\n").size).toBe(0);
  });
});
