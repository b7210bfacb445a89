/** Lines of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */

export interface Mount {
  /** `major:minor`, decimal. */
  readonly device: string;
  /** What of the file system is mounted. */
  readonly root: string;
  readonly target: string;
  /** Of the file system; undefined in a line that is cut off. */
  readonly type: string | undefined;
}

export function parseMountinfo(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const [, , device, root, target] = fields;
    if (device === undefined || root === undefined || target === undefined) return [];
    // Optional fields end with a hyphen of their own; the type follows.
    const end = fields.indexOf("-", 6);
    const type = end > 0 ? fields[end + 1] : undefined;
    return [{ device, root: unescaped(root), target: unescaped(target), type }];
  });
}

/** Space, tab, newline and backslash are written in octal. */
const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
