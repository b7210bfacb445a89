import fs from "node:fs";
import { decimalDevice } from "./mounts.js";

/** A file whose code a process has mapped. */
export interface MappedFile {
  /** Decimal "major:minor" of its file system, which need not be what stat(2) says (btrfs). */
  readonly device: string;
  readonly inode: string;
  /** One of its mappings, "start-end" in hexadecimal digits: the name in /proc/PID/map_files. */
  readonly range: string;
  /** Bytes mapped as code. */
  readonly size: number;
  /** For display and order only: in the process' own namespace, and perhaps another's by now. */
  readonly path: string;
}

/** 65,530 mappings are the kernel's limit; of a program with more text than this, the first are looked at. */
const MOST_MAPS = 8 * 1024 * 1024;
/** Names that tell that a library is, or has, a TLS stack. Only their order depends on it. */
const TLS_NAME = /ssl|gnutls|freebl|nss|boring|tls|crypt|curl/i;
const LINE = /^([0-9a-f]+)-([0-9a-f]+) ..x. [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)$/;

/** The files with code in the text of proc_pid_maps(5), each once. */
export function parseMaps(text: string): MappedFile[] {
  const files = new Map<string, MappedFile>();
  let from = 0;
  for (let end = text.indexOf("\n"); end >= 0; from = end + 1, end = text.indexOf("\n", from)) {
    // "start-end rwxp": most lines are no code, and a regular expression for each would be the cost of this.
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

/** map_files has no zeros in front, which maps has (fixed programs: "00400000-…"). */
const rangeName = (start: string, end: string): string =>
  `${BigInt(`0x${start}`).toString(16)}-${BigInt(`0x${end}`).toString(16)}`;

/** The executable first, then what is named like a TLS stack, then the largest. */
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
 * The files that a process runs code of, in the order in which to look at them; `executable` is the path of the first, as
 * the kernel writes it. Undefined when the process has ended. 0.1 to 1 ms.
 */
export function mappedFiles(pid: number): { files: MappedFile[]; executable: string } | undefined {
  const executable = executableOf(pid);
  if (executable === undefined) return undefined;
  try {
    return { files: inOrder(parseMaps(readSome(`/proc/${pid}/maps`)), executable), executable };
  } catch {
    return undefined; // ended meanwhile
  }
}

/** The path of a process' executable as the kernel writes it, without a look at the file; undefined when it has ended. */
export function executableOf(pid: number): string | undefined {
  try {
    return fs.readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined; // ended, or a kernel thread
  }
}

/** open(2): finds a file and opens nothing. Node has no name for it. */
const O_PATH = 0o10000000;

/**
 * Opens what is mapped, whatever is at its path by now and in whichever namespace. The caller has made sure that its file
 * system answers, and closes it. A device, which anybody may map who may open it, does things when root opens it: only
 * regular files are opened.
 *
 * @throws the error of open(2): ENOENT when it is not mapped any more
 */
export function openMapped(pid: number, file: MappedFile): number {
  const found = fs.openSync(`/proc/${pid}/map_files/${file.range}`, O_PATH);
  try {
    if (!fs.fstatSync(found).isFile()) throw new Error("no regular file is mapped there");
    return fs.openSync(`/proc/self/fd/${found}`, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } finally {
    fs.closeSync(found);
  }
}

/** Clock ticks since boot at which a process began, as proc_pid_stat(5) has it; undefined when it has ended. */
export function startTimeOf(pid: number): number | undefined {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name, in parentheses, may have anything in it; field 3 follows the last one.
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
