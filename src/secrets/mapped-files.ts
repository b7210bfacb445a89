import fs from "node:fs";
import { decimalDevice } from "./mounts.js";

/** A file that a process has mapped executable. */
export interface MappedFile {
  /** Decimal "major:minor" of its file system; can differ from st_dev in stat(2) (btrfs). */
  readonly device: string;
  readonly inode: string;
  /** One of its mappings, "start-end" in hexadecimal: the name in /proc/PID/map_files. */
  readonly range: string;
  /** Bytes mapped executable. */
  readonly size: number;
  /** For display and sorting only: it is in the mount namespace of the process, and may be another file by now. */
  readonly path: string;
}

/** The kernel allows 65,530 mappings; of a longer file, only the first ones are read. */
const MOST_MAPS = 8 * 1024 * 1024;
/** Names of libraries that are, or contain, a TLS stack. Only affects the search order. */
const TLS_NAME = /ssl|gnutls|freebl|nss|boring|tls|crypt|curl/i;
const LINE = /^([0-9a-f]+)-([0-9a-f]+) ..x. [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)$/;

/** The files mapped executable in the text of proc_pid_maps(5), without duplicates. */
export function parseMaps(text: string): MappedFile[] {
  const files = new Map<string, MappedFile>();
  let from = 0;
  for (let end = text.indexOf("\n"); end >= 0; from = end + 1, end = text.indexOf("\n", from)) {
    // "start-end rwxp": most lines are not executable, and matching each against the expression would dominate the
    // cost.
    const space = text.indexOf(" ", from);
    if (space < 0 || text[space + 3] !== "x") continue;
    const [, start, stop, device, inode, path] = LINE.exec(text.slice(from, end)) ?? [];
    if (
      start === undefined ||
      stop === undefined ||
      device === undefined ||
      inode === undefined ||
      inode === "0"
    )
      continue;
    const key = `${device} ${inode}`;
    const known = files.get(key);
    const size = Number(BigInt(`0x${stop}`) - BigInt(`0x${start}`)) + (known?.size ?? 0);
    files.set(
      key,
      known
        ? { ...known, size }
        : { device: decimalDevice(device), inode, range: rangeName(start, stop), size, path: path ?? "" },
    );
  }
  return [...files.values()];
}

/** Names in map_files have no leading zeros, unlike those in maps (non-PIE programs: "00400000-…"). */
const rangeName = (start: string, end: string): string =>
  `${BigInt(`0x${start}`).toString(16)}-${BigInt(`0x${end}`).toString(16)}`;

/** The executable first, then files named like a TLS stack, then the rest; larger ones first. */
export function inOrder(files: readonly MappedFile[], executable: string | undefined): MappedFile[] {
  const rank = (file: MappedFile): number => {
    if (file.path === executable) return 0;
    return isNamedLikeTls(file) ? 1 : 2;
  };
  return [...files].sort((a, b) => rank(a) - rank(b) || b.size - a.size);
}

export const isNamedLikeTls = (file: MappedFile): boolean =>
  TLS_NAME.test(file.path.slice(file.path.lastIndexOf("/") + 1));

/**
 * The files a process has mapped executable, in search order; `executable` is the path of its executable as reported by
 * the kernel. Undefined when the process has ended. Takes 0.1 to 1 ms.
 */
export function mappedFiles(pid: number): { files: MappedFile[]; executable: string } | undefined {
  const executable = executableOf(pid);
  if (executable === undefined) return undefined;
  try {
    return { files: inOrder(parseMaps(readSome(`/proc/${pid}/maps`)), executable), executable };
  } catch {
    return undefined; // it ended meanwhile
  }
}

/**
 * The path of a process's executable as reported by the kernel, without touching the file; undefined when it has ended.
 */
export function executableOf(pid: number): string | undefined {
  try {
    return fs.readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined; // ended, or a kernel thread
  }
}

/** open(2): refers to the file without opening it. Node does not export the flag. */
const O_PATH = 0o10000000;

/**
 * Opens the mapped file itself, regardless of namespace and of what is at its path now. The caller has checked that its
 * file system cannot block, and closes the descriptor. Opening a device as root can have side effects, and users can
 * map devices: only regular files are opened.
 *
 * @throws the error of open(2): ENOENT when it is no longer mapped
 */
export function openMapped(pid: number, file: MappedFile): number {
  const found = fs.openSync(`/proc/${pid}/map_files/${file.range}`, O_PATH);
  try {
    if (!fs.fstatSync(found).isFile()) throw new Error("the mapped file is not a regular file");
    return fs.openSync(`/proc/self/fd/${found}`, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } finally {
    fs.closeSync(found);
  }
}

/** Start time of a process in clock ticks since boot (proc_pid_stat(5)); undefined when it has ended. */
export function startTimeOf(pid: number): number | undefined {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name, in parentheses, can contain any character; field 3 follows the last closing parenthesis.
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return undefined; // ended
  }
}

function readSome(path: string): string {
  const fd = fs.openSync(path, "r");
  try {
    const pieces: Buffer[] = [];
    for (let all = 0; all < MOST_MAPS; ) {
      const piece = Buffer.allocUnsafe(64 * 1024);
      const size = fs.readSync(fd, piece, 0, piece.length, null);
      if (size === 0) break;
      pieces.push(piece.subarray(0, size));
      all += size;
    }
    return Buffer.concat(pieces).toString("utf8");
  } finally {
    fs.closeSync(fd);
  }
}
