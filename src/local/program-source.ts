/** Which program a process is and whether it trusts our certificate, from what the system tells of the process. */

import type { NativeAddon } from "../attribution/native.js";
import type { ProgramSource } from "./identify.js";

/** @param home whose certificate authority it is about */
export function programSource(_native: NativeAddon, _home: string): ProgramSource {
  return {
    read: async ({ uid, path, script, name, pid }) => {
      if (path === undefined) return undefined;
      return {
        key: JSON.stringify([uid, path, script]),
        name: script ?? name ?? String(pid),
        trust: { kind: "unknown", evidence: "nothing is known of its runtime" },
        advice: 'start it after eval "$(oximy env)"',
      };
    },
  };
}
