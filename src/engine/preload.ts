/** The library that redirects programs that ignore proxy variables to the proxy of `oximy run`. Linux only. */

import { existsSync } from "node:fs";
import path from "node:path";
import { NATIVE_BINARIES } from "../native/native.js";

/** Candidate paths, next to the addon. The library documents its reasons (native/linux/preload). */
export const PRELOADS: readonly string[] = NATIVE_BINARIES.map((binary) =>
  path.join(path.dirname(binary), "oximy-preload.so"),
);

/**
 * The proxy's address at ::1, and LD_PRELOAD with the library appended to the command's own value. Empty where there is
 * no library, or where its path cannot be put in the variable (ld.so(8): names are separated by spaces and colons).
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
