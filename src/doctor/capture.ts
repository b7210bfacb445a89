/** Checks of what capture needs: addon, certificate and trust, bundle, a folder for the events. */

import { counted } from "../counted.js";
import type { CachedDocument } from "../oisp/cache.js";
import type { LearnedTrust } from "../proxy/verdict/learned-facts.js";
import type { SessionState } from "../trust/session-environment.js";
import type { StoreStatus } from "../trust/trust.js";
import { type Finding, missing, ok, warning } from "./finding.js";

/**
 * Whether programs can be read in their own TLS sessions.
 * @param whyNot null if they can; undefined if it could not be tried
 */
export function readingFinding(whyNot: string | null | undefined): Finding {
  if (whyNot === null)
    return ok("reading", "programs are read in their own TLS sessions, without a certificate");
  if (whyNot === undefined) {
    return warning("reading", "only root can check whether programs can be read", "Run: sudo oximy doctor");
  }
  return warning(
    "reading",
    `nothing can be read without a certificate: ${whyNot}`,
    "Programs are captured where they trust the certificate. Run: sudo oximy ca install --environment",
  );
}

/** How the programs that were shown the certificate reacted. */
export function learnedFinding(programs: readonly Pick<LearnedTrust, "outcome">[]): Finding {
  const count = (wanted: LearnedTrust["outcome"]) =>
    programs.filter(({ outcome }) => outcome === wanted).length;
  const [refused, tried] = [count("refused"), count("tried")];
  if (refused + tried === 0) return ok("refusals", "no program refused the certificate");
  return warning(
    "refusals",
    `${counted(refused, "program")} refused the certificate, ${tried} more gave no result when tried: seen, but not read`,
    "Run: oximy pins   (it shows what to set for each)",
  );
}

/** @param reading `on`: no program needs the variables */
export function environmentFinding(state: SessionState, location: string, reading: "on" | "off"): Finding {
  const again = "Run: oximy ca install --environment";
  switch (state.kind) {
    case "set":
      return ok("environment", location);
    case "out_of_date":
      return warning("environment", `${location}: the system's roots changed since`, again);
    case "not_set":
      return reading === "on"
        ? ok("environment", "sessions have no variables of ours, and need none where programs are read")
        : warning(
            "environment",
            "sessions have no variables of ours: Node and Python do not trust us",
            again,
          );
    case "foreign":
      return warning("environment", `${location} was not created by Oximy`, "Inspect it, and move it away.");
    case "unknown":
      return warning("environment", `${location}: ${state.why}`, "Run: sudo oximy doctor");
  }
}

export function recorderFinding(failure: string | null): Finding {
  return failure === null
    ? ok("recorder", "the kernel records which process connects")
    : warning(
        "recorder",
        `the kernel does not record which process connects (${failure}); /proc is searched instead`,
        "Nothing to do: only programs that exit within milliseconds may stay unknown.",
      );
}

/** @param reading `on`: hardly any program needs the certificate */
export function trustFindings(
  statuses: readonly StoreStatus[],
  certificate: "made" | "none",
  reading: "on" | "off" = "off",
): Finding[] {
  if (certificate === "none") {
    if (reading === "on")
      return [ok("trust", "there is no certificate, and none is needed where programs are read")];
    return [
      warning(
        "trust",
        "oximy local has no certificate on this machine yet, so no store has it",
        "Run: sudo oximy ca install",
      ),
    ];
  }
  if (statuses.length === 0) {
    return [
      warning("trust", "no trust store was found", 'Set the certificate in variables: eval "$(oximy env)"'),
    ];
  }
  // Where programs are read, none of the stores needs it; some but not all having it is no state that was asked for.
  if (reading === "on" && statuses.every(({ state }) => state.kind === "not_trusted"))
    return [ok("trust", "no store has our certificate, and none is needed where programs are read")];
  return statuses.map(({ store, state }) => {
    if (state.kind === "trusted") return ok("trust", store.location);
    return state.kind === "unknown"
      ? warning("trust", `${store.location}: ${state.why}`, state.advice)
      : warning("trust", `${store.location} does not have our certificate`, "Run: sudo oximy ca install");
  });
}

export function bundleFinding(url: string, cached: CachedDocument | undefined, now: number): Finding {
  if (cached === undefined) {
    return ok("bundle", `the one included in this version, until ${url} can be reached`);
  }
  const days = Math.floor((now - cached.loadedAt) / 86_400_000);
  return days < 30
    ? ok("bundle", `from ${url}, ${days === 0 ? "today" : `${days} days ago`}`)
    : warning("bundle", `from ${url}, ${days} days ago`, "Run: oximy bundle update");
}

export function outputFinding(folder: string, failure: string | undefined): Finding {
  return failure === undefined
    ? ok("output", folder)
    : missing(
        "output",
        `events cannot be written to ${folder}: ${failure}`,
        "Name another folder with --output-dir, or correct the permissions of this one.",
      );
}
