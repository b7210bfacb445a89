import type { ProcessIdentity } from "../../connection/client.js";
import type { ProcessInfo } from "../native.js";
import type { FileReader } from "./file-reader.js";

/** What a process is, beyond the kernel's data on it. */
export type Identity = Pick<
  ProcessIdentity,
  | "bundleId"
  | "bundleName"
  | "bundleVersion"
  | "applicationId"
  | "applicationIdFrom"
  | "script"
  | "packageName"
  | "cwd"
  | "seesOurFiles"
>;

/** Identifies a process; one implementation per system. Never rejects: unreadable parts are omitted. */
export type IdentifyProcess = (info: ProcessInfo, files: FileReader) => Promise<Identity>;

export function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * The name of an executable. That is its basename, except for one common layout: programs that update themselves keep
 * their versions side by side as `…/claude/versions/2.0.14`, and the version is not a name.
 */
export function executableName(path: string): string {
  const versioned = /\/([^/]+)\/versions\/\d+(?:\.\d+)+[^/]*$/.exec(path);
  return versioned?.[1] ?? basename(path);
}
