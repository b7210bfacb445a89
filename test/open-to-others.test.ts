import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { whyClosed } from "./open-to-others.js";
import { temporaryFolder } from "./temporary-folder.js";

test.runIf(process.getuid?.() === 0)(
  "a checkout that other users cannot enter is named, with the folder",
  () => {
    const folder = temporaryFolder(); // 0700
    mkdirSync(join(folder, "checkout"));
    writeFileSync(join(folder, "checkout/package.json"), "{}");
    const path = join(folder, "checkout/package.json");
    expect(whyClosed(path)).toContain(`may not enter ${folder} (no execute right)`);
    chmodSync(folder, 0o711);
    expect(whyClosed(path)).toBeUndefined();
  },
);
