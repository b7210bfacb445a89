import type { ProcessInfo } from "../native.js";
import { type FileReader, withRoot } from "./file-reader.js";
import { basename, type IdentifyProcess, type Identity } from "./identity.js";
import { entryPointOf, nameEntryPoint } from "./interpreter.js";

type Application = Required<Pick<Identity, "applicationId" | "applicationIdFrom">>;

const MAX_ENVIRONMENT = 1 << 20;
const MAX_FLATPAK_INFO = 64 << 10;

/** Identity on Linux: sandbox and packaging first (determined by the process's own files), then the scope. */
export const identifyLinuxProcess: IdentifyProcess = async (info, files) => {
  const path = info.path ?? "";
  const application =
    (await flatpakApplication(info, files)) ??
    snapApplication(path, info.cgroup ?? "") ??
    (await appImageApplication(info, files)) ??
    scopeApplication(info.cgroup ?? "");
  const entry = entryPointOf(basename(path), info.commandLine);
  const root = withRoot(files, `/proc/${info.pid}/root`);
  const folder = await folderOf(info, files);
  return { ...application, ...folder, ...(entry && (await nameEntryPoint(entry, folder.cwd, root))) };
};

/** Its working directory, and whether it is in our file tree too: proc(5), mount_namespaces(7). */
async function folderOf(
  { pid }: ProcessInfo,
  files: FileReader,
): Promise<Pick<Identity, "cwd" | "seesOurFiles">> {
  const [cwd, root, mounts, ourMounts] = await Promise.all(
    [`/proc/${pid}/cwd`, `/proc/${pid}/root`, `/proc/${pid}/ns/mnt`, "/proc/self/ns/mnt"].map(files.readLink),
  );
  if (!cwd?.startsWith("/") || cwd.endsWith(" (deleted)")) return {};
  const seesOurFiles = root === "/" && mounts !== undefined && mounts === ourMounts;
  return { cwd, ...(seesOurFiles && { seesOurFiles }) };
}

/** Every Flatpak sandbox has the file at its root (flatpak-metadata(5)). */
async function flatpakApplication(info: ProcessInfo, files: FileReader): Promise<Application | undefined> {
  const bytes = await files.read(`/proc/${info.pid}/root/.flatpak-info`, MAX_FLATPAK_INFO);
  const id = bytes && flatpakName(bytes.toString("utf8"));
  return id ? { applicationId: id, applicationIdFrom: "flatpak" } : undefined;
}

/** `name` of the group `[Application]`. */
export function flatpakName(info: string): string | undefined {
  let group = "";
  for (const line of info.split("\n")) {
    group = /^\[(.+)\]\s*$/.exec(line)?.[1] ?? group;
    const name = group === "Application" ? /^name\s*=\s*(\S+)/.exec(line)?.[1] : undefined;
    if (name !== undefined) return name;
  }
  return undefined;
}

/** By the path of the executable, else by snapd's scope: `snap.<snap>.<app>-<uuid>.scope`. */
function snapApplication(path: string, cgroup: string): Application | undefined {
  const byPath = /^(?:\/var\/lib\/snapd)?\/snap\/([^/]+)\/[^/]+\//.exec(path)?.[1];
  const byUnit = /^snap\.([^.]+)\..+\.(?:scope|service)$/.exec(unitOf(cgroup))?.[1];
  const id = byPath ?? byUnit;
  return id ? { applicationId: id, applicationIdFrom: "snap" } : undefined;
}

/**
 * The runtime mounts the image at `$TMPDIR/.mount_XXXXXX` and sets `APPIMAGE` to its file. Child processes inherit the
 * variable, so it is only used for executables inside the mount.
 */
async function appImageApplication(info: ProcessInfo, files: FileReader): Promise<Application | undefined> {
  if (!/\/\.mount_[^/]+\//.test(info.path ?? "")) return undefined;
  const environment = await files.read(`/proc/${info.pid}/environ`, MAX_ENVIRONMENT);
  const image = environment && /(?:^|\0)APPIMAGE=([^\0]+)/.exec(environment.toString("utf8"))?.[1];
  return image ? { applicationId: appImageName(image), applicationIdFrom: "appimage" } : undefined;
}

/** `/home/ana/Cursor-0.45.14-x86_64.AppImage` is Cursor. */
export function appImageName(path: string): string {
  const name = basename(path).replace(/\.appimage$/i, "");
  return name.replace(/[-_. ](?:v?\d|x86_64|amd64|x64|aarch64|arm64|linux).*$/i, "") || name;
}

function scopeApplication(cgroup: string): Application | undefined {
  const id = xdgApplicationId(unitOf(cgroup));
  return id ? { applicationId: id, applicationIdFrom: "xdg" } : undefined;
}

/** The unit that a cgroup belongs to: its innermost scope or service. */
function unitOf(cgroup: string): string {
  return cgroup.split("/").findLast((part) => /\.(?:scope|service)$/.test(part)) ?? "";
}

/**
 * Application id in a unit's name, by https://systemd.io/DESKTOP_ENVIRONMENTS:
 * `app[-<launcher>]-<id>-<random>.scope` and `app[-<launcher>]-<id>[@<random>].service`, where a dash inside a
 * part is written `\x2d`. An ambiguous name is ignored.
 */
export function xdgApplicationId(unit: string): string | undefined {
  const [, body = "", kind] = /^app-(.+)\.(scope|service)$/.exec(unit) ?? [];
  const parts = body.replace(/@.*$/, "").split("-");
  if (kind === "scope") parts.pop();
  const id = parts.length === 1 ? parts[0] : parts.length === 2 ? parts[1] : undefined;
  if (!id) return undefined;
  return unescapeUnit(id).replace(/\.desktop$/, "");
}

/** Undoes the escapes of systemd-escape(1), which encode bytes. */
export function unescapeUnit(name: string): string {
  const bytes = name.replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return /[\x80-\xff]/.test(bytes) && !/[^\x00-\xff]/.test(bytes)
    ? Buffer.from(bytes, "latin1").toString("utf8")
    : bytes;
}
