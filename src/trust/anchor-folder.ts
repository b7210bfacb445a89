/** Linux distributions keep added roots as files in a folder; a tool generates the files that programs read. */

import { join } from "node:path";
import type { TrustStore } from "./trust-store.js";

interface AnchorFolder extends Pick<TrustStore, "id"> {
  readonly folder: string;
  readonly extension: "crt" | "pem";
  readonly refresh: readonly [tool: string, ...args: string[]];
  /** The file that the tool generates and programs read. */
  readonly bundle: string;
  /** Command that installs the tool. */
  readonly getTool: string;
}

export function anchorStore(distribution: AnchorFolder): TrustStore {
  const { id, folder, extension, bundle, getTool } = distribution;
  const [file, ...args] = distribution.refresh;
  const refresh = { kind: "run", file, args } as const;
  return {
    id,
    location: folder,
    owner: "root",
    advice: `Install it: ${getTool}`,
    listing: { kind: "folder", path: folder },
    bundle,
    install: ({ name, pem }) => [
      { kind: "write", path: join(folder, `${name}.${extension}`), text: pem },
      refresh,
    ],
    remove: (entry) => [{ kind: "delete", path: join(folder, entry) }, refresh],
  };
}
