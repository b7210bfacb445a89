import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { requireOpenTo } from "../../src/user/open-to-invoking-user.js";
import { temporaryFolder } from "../temporary-folder.js";

const NOBODY = { uid: 65_534, gid: 65_534, user: "nobody", home: "/" };

test.runIf(process.getuid?.() === 0)(
  "where the invoking user may not enter, the folder and the missing right are named",
  () => {
    const folder = temporaryFolder(); // 0700
    mkdirSync(join(folder, "oximy"));
    const program = join(folder, "oximy/program.js");
    writeFileSync(program, "");
    expect(() => requireOpenTo(NOBODY, program)).toThrow(
      expect.objectContaining({
        code: "OXIMY_E_FILE",
        message: expect.stringContaining(`nobody, who may not enter ${folder} (no execute permission)`),
        advice: expect.stringContaining(`chmod o+x ${folder}`),
      }),
    );
    chmodSync(folder, 0o711);
    expect(requireOpenTo(NOBODY, program)).toBeUndefined();
  },
);
