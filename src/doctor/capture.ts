/** What capture itself needs: the addon, the certificate and who trusts it, the bundle, a place for the events. */

import type { CachedDocument } from "../oisp/cache.js";
import type { StoreStatus } from "../trust/trust.js";
import { type Finding, missing, ok, warning } from "./finding.js";

export function recorderFinding(complaint: string | null): Finding {
  return complaint === null
    ? ok("recorder", "the kernel records who connects")
    : warning(
        "recorder",
        `the kernel does not record who connects (${complaint}); /proc is searched instead`,
        "Nothing: only programs that end within milliseconds may stay unknown.",
      );
}

export function trustFindings(statuses: readonly StoreStatus[], certificate: "made" | "none"): Finding[] {
  if (certificate === "none") {
    return [
      warning("trust", "there is no certificate yet, so nobody trusts it", "Run: sudo oximy ca install"),
    ];
  }
  if (statuses.length === 0) {
    return [
      warning(
        "trust",
        "no trust store was found",
        'Hand the certificate over by variables: eval "$(oximy env)"',
      ),
    ];
  }
  return statuses.map(({ store, state }) => {
    if (state.kind === "trusted") return ok("trust", store.location);
    return state.kind === "unknown"
      ? warning("trust", `${store.location}: ${state.why}`, state.advice)
      : warning("trust", `${store.location} does not have our certificate`, "Run: sudo oximy ca install");
  });
}

export function bundleFinding(url: string, cached: CachedDocument | undefined, now: number): Finding {
  if (cached === undefined) {
    return ok("bundle", `the one that comes with this version, until ${url} was reached`);
  }
  const days = Math.floor((now - cached.loadedAt) / 86_400_000);
  return days < 30
    ? ok("bundle", `from ${url}, ${days === 0 ? "today" : `${days} days ago`}`)
    : warning("bundle", `from ${url}, ${days} days ago`, "Run: oximy bundle update");
}

export function outputFinding(folder: string, complaint: string | undefined): Finding {
  return complaint === undefined
    ? ok("output", folder)
    : missing(
        "output",
        `events cannot be written to ${folder}: ${complaint}`,
        "Name another folder with --output-dir, or correct the permissions of this one.",
      );
}
