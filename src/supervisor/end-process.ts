/** Ends a process that has threads, even if one of them hangs. */

import { loadNative } from "../native/native.js";

/** Worker threads get this long to end; Node's exit would wait forever for one that hangs in the system. */
const THREADS_MS = 2_000;

export function endProcess(code: number): never {
  try {
    loadNative().exitAtLatest(THREADS_MS, code);
  } catch {
    // Without the addon nothing can hang: it is loaded before any thread is started.
  }
  process.exit(code);
}
