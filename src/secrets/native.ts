import path from "node:path";
import { loadNative, NATIVE_BINARIES, type NativeAddon } from "../native/native.js";
import type { ProvenSite } from "./site.js";

/** Functions of the native addon (native/sites_binding.cc). They throw for wrong types only. */
export interface SitesAddon {
  /**
   * For each site whether it is one, followed again from its proof in the file open as `fd`, by some small reads. False
   * for all when the file is not code for `machine`: "x64" or "arm64", as process.arch has it. 0.1 ms a site.
   */
  checkSites(fd: number, machine: string, sites: readonly ProvenSite[]): boolean[];
  /** NT_GNU_BUILD_ID in hexadecimal digits; null when the file has none. */
  buildId(fd: number): string | null;
}

export function sitesAddon(): SitesAddon {
  return loadNative() as NativeAddon & SitesAddon;
}

/** Where the executable that searches may be: beside the addon. */
export const SEARCH_EXECUTABLES: readonly string[] = NATIVE_BINARIES.map((binary) =>
  path.join(path.dirname(binary), "oximy-sites"),
);
