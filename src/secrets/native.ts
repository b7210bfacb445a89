import path from "node:path";
import { loadNative, NATIVE_BINARIES, type NativeAddon } from "../native/native.js";
import type { ProvenSite } from "./site.js";

/** Functions of the native addon (native/sites_binding.cc). They throw on wrong argument types only. */
export interface SitesAddon {
  /**
   * Whether each site is valid: its proof is checked against the file open as `fd`, with a few small reads. All false
   * when the file is not code for `machine`: "x64" or "arm64", as in process.arch. 0.1 ms per site.
   */
  checkSites(fd: number, machine: string, sites: readonly ProvenSite[]): boolean[];
  /** NT_GNU_BUILD_ID in hexadecimal; null when the file has none. */
  buildId(fd: number): string | null;
}

export function sitesAddon(): SitesAddon {
  return loadNative() as NativeAddon & SitesAddon;
}

/** Possible paths of the search executable: beside the addon. */
export const SEARCH_EXECUTABLES: readonly string[] = NATIVE_BINARIES.map((binary) =>
  path.join(path.dirname(binary), "oximy-sites"),
);
