/** Closes a folder's event files and kills itself at a step: `close-until-killed.ts FOLDER STEP`. */

import { closeFiles } from "../../src/sinks/close-files.js";

const [folder = "", wanted] = process.argv.slice(2);
const now = new Date(Date.now() + 3 * 86_400_000);
await closeFiles({
  folder,
  now,
  onStep: (step) => {
    if (step === wanted) process.kill(process.pid, "SIGKILL");
  },
});
