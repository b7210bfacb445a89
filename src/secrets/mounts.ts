import fs from "node:fs";
import { parseMountinfo } from "../attribution/mountinfo.js";

/**
 * Kernel file systems on local storage or in memory. Reads on any other can block root forever: FUSE on a user's
 * process, NFS, 9p, virtiofs and cifs on a server.
 */
const LOCAL = new Set(
  (
    "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs iso9660 jfs nilfs2 ntfs3 ramfs reiserfs romfs rootfs squashfs tmpfs " +
    "udf vfat xfs zfs"
  ).split(" "),
);

/** File system type of each device (decimal "major:minor"), from proc_pid_mountinfo(5). */
export function typesOfDevices(mountinfo: string): Map<string, string> {
  const types = new Map<string, string>();
  for (const { device, type } of parseMountinfo(mountinfo)) {
    if (type !== undefined && /^\d+:\d+$/.test(device)) types.set(device, type);
  }
  return types;
}

/** Converts "fe:00" of proc_pid_maps(5) to the notation of mountinfo: "254:0". */
export function decimalDevice(device: string): string {
  const [major = "", minor = ""] = device.split(":");
  return `${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)}`;
}

/**
 * Why files of a device must not be opened; undefined when they may be. Decided from mount tables alone, without
 * touching any file.
 *
 * An overlay is only as safe as its lower layers, and a user can mount one over their own FUSE in a user namespace.
 * Only overlays mounted in our namespace are accepted, which takes root (as Docker's and containerd's are).
 */
export function whyNotOpened(
  device: string,
  ours: ReadonlyMap<string, string>,
  theirs: ReadonlyMap<string, string>,
): string | undefined {
  const type = ours.get(device) ?? theirs.get(device);
  if (type === undefined) return "on a file system that is mounted nowhere";
  if (type === "overlay" && ours.has(device)) return undefined;
  return LOCAL.has(type) ? undefined : `on a file system that may never answer (${type})`;
}

/** The mounts of a process's namespace; empty when it has ended. */
export function mountsOf(pid: number | "self"): Map<string, string> {
  try {
    return typesOfDevices(fs.readFileSync(`/proc/${pid}/mountinfo`, "utf8"));
  } catch {
    return new Map(); // ended, or no permission: none of its files are opened
  }
}
