/** Lines of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */

export interface Mount {
  /** `major:minor`, decimal. */
  readonly device: string;
  /** The mounted part of the file system. */
  readonly root: string;
  readonly target: string;
  /** Of the file system; undefined in a truncated line. */
  readonly type: string | undefined;
}

export function parseMountinfo(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const [, , device, root, target] = fields;
    if (device === undefined || root === undefined || target === undefined) return [];
    // Optional fields end with a single hyphen; the type follows.
    const end = fields.indexOf("-", 6);
    const type = end > 0 ? fields[end + 1] : undefined;
    return [{ device, root: unescaped(root), target: unescaped(target), type }];
  });
}

/** Space, tab, newline and backslash are written in octal. */
const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
