import type { ProcessIdentity } from "../../connection/client.js";
import type { ProcessInfo } from "../native.js";
import type { FileReader } from "./file-reader.js";

/** What a process is, beyond what the kernel says of it. */
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

/** Says what a process is; one implementation per system. Never rejects: what cannot be read is left out. */
export type IdentifyProcess = (info: ProcessInfo, files: FileReader) => Promise<Identity>;

export function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * The name that an executable goes by. That is its basename, but for one common layout: programs that update
 * themselves keep their versions side by side as `…/claude/versions/2.0.14`, and the version is no name.
 */
export function executableName(path: string): string {
  const versioned = /\/([^/]+)\/versions\/\d+(?:\.\d+)+[^/]*$/.exec(path);
  return versioned?.[1] ?? basename(path);
}
