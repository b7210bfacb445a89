/** The end of a process that has threads: one that hangs must not keep it. */

import { loadNative } from "../native/native.js";

/** Worker threads get this long to end; Node's exit would wait for ever for one that hangs in the system. */
const THREADS_MS = 2_000;

export function endProcess(code: number): never {
  try {
    loadNative().exitAtLatest(THREADS_MS, code);
  } catch {
    // Without the addon there is nothing that could hang: it is loaded before any thread is started.
  }
  process.exit(code);
}
