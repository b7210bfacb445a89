import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a shell would find a tool. Includes the system's own folders: a user's PATH often lacks sbin. */
export function toolPath(tool: string, path = process.env.PATH ?? ""): string | undefined {
  const folders = [...path.split(delimiter), "/usr/sbin", "/sbin"].filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, tool)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
