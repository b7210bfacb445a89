/** The library that takes connections of programs which heed no proxy variable to the proxy of `oximy run`. Linux. */

import { existsSync } from "node:fs";
import path from "node:path";
import { NATIVE_BINARIES } from "../native/native.js";

/** Where it may be: beside the addon. Has its reasons written in it (native/linux/preload). */
export const PRELOADS: readonly string[] = NATIVE_BINARIES.map((binary) =>
  path.join(path.dirname(binary), "oximy-preload.so"),
);

/**
 * Where the proxy is at ::1, and LD_PRELOAD with the library after what the command would preload anyway. Nothing where
 * there is no library, or where its path cannot be said in the variable (ld.so(8): names are parted by spaces and colons).
 * @param portV6 of the explicit proxy, at ::1
 * @param preloaded LD_PRELOAD that the command would be started with
 */
export function preloadEnvironment(
  portV6: number | undefined,
  preloaded: string | undefined,
  libraries = PRELOADS,
): Record<string, string> {
  const library = libraries.find((file) => existsSync(file));
  if (library === undefined || /[\s:]/.test(library)) return {};
  return {
    LD_PRELOAD: preloaded ? `${preloaded}:${library}` : library,
    ...(portV6 !== undefined && { OXIMY_RUN_PROXY_V6: `http://[::1]:${portV6}` }),
  };
}
