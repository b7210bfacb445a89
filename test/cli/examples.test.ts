import { describe, expect, it, test } from "vitest";
import { actingCommands, EXAMPLES } from "../../src/cli/examples.js";
import { createProgram } from "../../src/cli/program.js";
import { runOximy } from "./oximy.js";

const names = actingCommands(await createProgram()).map(([name]) => name);

/** As a shell splits them; there is nothing in them but words and single quotes. */
const wordsOf = (example: string) =>
  [...example.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);

/** Parses it and does nothing: which command it would have run. */
async function commandOf(example: string): Promise<string | undefined> {
  const program = await createProgram();
  let ran: string | undefined;
  for (const [name, command] of actingCommands(program)) {
    command.exitOverride().configureOutput({ writeErr: () => {} });
    command.action(() => {
      ran = name;
    });
  }
  const words = wordsOf(example);
  if (words[0] === "sudo") words.shift();
  expect(words.shift()).toBe("oximy");
  await program.parseAsync(words, { from: "user" });
  return ran;
}

test("each command has examples, and there are none of others", () => {
  expect(Object.keys(EXAMPLES).sort()).toEqual([...names].sort());
});

describe.each(Object.entries(EXAMPLES))("the examples of %s", (name, examples) => {
  it.each(examples)("%s", async (example) => {
    expect(await commandOf(example)).toBe(name);
  });
});

test("help ends with them", async () => {
  const { stdout } = await runOximy(["stats", "--help"]);
  expect(stdout.trimEnd().split("\n").slice(-4)).toEqual([
    "Examples:",
    ...EXAMPLES.stats!.map((example) => `  ${example}`),
  ]);
});
