import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProgramLab } from "./program-lab.js";
import { ROWS, type Row } from "./program-rows.js";

const unsuited =
  process.platform !== "linux" || process.getuid?.() !== 0
    ? "needs root on Linux"
    : spawnSync("unshare", ["--mount", "true"]).status !== 0
      ? "needs mount namespaces"
      : undefined;
if (unsuited !== undefined && process.env.OXIMY_REQUIRE_LAB === "1") {
  throw new Error(`the programs cannot run: ${unsuited}`);
}

function title({ program, store, environment = {}, options = [] }: Row): string {
  const variables = Object.entries(environment).map(
    ([name, value]) => `${name}=${typeof value === "object" ? value.value : value}`,
  );
  return [program, ...options, ...variables, `store: ${store}`].join(" ");
}

describe.skipIf(unsuited !== undefined)(
  `programs and what is predicted of them${unsuited ? `: ${unsuited}` : ""}`,
  () => {
    let lab: ProgramLab;
    beforeAll(async () => {
      lab = new ProgramLab();
      await lab.open();
    }, 600_000);
    afterAll(() => lab.close());

    it("are at least 40, and none is predicted wrongly", () => {
      expect(ROWS.length).toBeGreaterThanOrEqual(40);
      const wrong = ROWS.filter(
        ({ predicted, accepted }) => predicted !== "unknown" && (predicted === "trusts") !== accepted,
      );
      expect(wrong).toEqual([]);
      expect(new Set(ROWS.map(title)).size).toBe(ROWS.length);
    });

    it.for(ROWS.map((row, index) => [title(row), row, index] as const))(
      "%s",
      { timeout: 90_000 },
      async ([, row, index], test) => {
        const program = lab.programs[row.program]!;
        if (program.missing !== undefined) {
          if (process.env.OXIMY_REQUIRE_LAB === "1" && !program.isLong)
            throw new Error(`${row.program}: ${program.missing}`);
          return test.skip(`${row.program}: ${program.missing}`);
        }
        const outcome = await lab.run(row, `${lab.home}/${index}`);
        expect(
          {
            runtime: outcome.program.runtime,
            predicted: outcome.program.trust.kind,
            accepted: outcome.accepted,
          },
          outcome.program.trust.evidence,
        ).toEqual({
          runtime: program.runtime,
          predicted: row.predicted,
          accepted: row.accepted,
        });
      },
    );
  },
);
