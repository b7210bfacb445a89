import { describe, expect, it } from "vitest";
import { parseAnswer } from "../../src/secrets/search-answer.js";

const FILE = "file 65024 12 345 1776846272000000000 1795794627531359296\n";

describe("the answer of the search", () => {
  it("has the sites, and what the file is", () => {
    const text = `${FILE}machine x64\nbuild-id 0123456789abcdef\nsite keylog 352 calls 371 371 383 383\nsite go 8 go_table 1 2 3\nend\n`;
    expect(parseAnswer(text)).toEqual({
      file: "65024 12 345 1776846272000000000 1795794627531359296",
      machine: "x64",
      buildId: "0123456789abcdef",
      result: {
        kind: "found",
        sites: [
          { kind: "keylog", offset: 352, rule: "calls", proof: [371, 371, 383, 383] },
          { kind: "go", offset: 8, rule: "go_table", proof: [1, 2, 3] },
        ],
      },
    });
  });

  it("has the reason why there is none", () => {
    const { result } = parseAnswer(`${FILE}none no TLS stack that is known\nend\n`);
    expect(result).toEqual({ kind: "none", reason: "no TLS stack that is known" });
  });

  const site = "site keylog 352 calls 371";
  it.each([
    ["nothing", ""],
    ["no end", `${site}\n`],
    ["half a line", `${site}\nen`],
    ["more behind the end", `${site}\nend\n${site}\n`],
    ["neither site nor reason", "machine x64\nend\n"],
    ["both", `${site}\nnone because\nend\n`],
    ["a kind that is none", "site toString 352 calls 1\nend\n"],
    ["a rule that is none", "site keylog 352 __proto__ 1\nend\n"],
    ["an offset that is negative", "site keylog -1 calls 1\nend\n"],
    ["an offset that is none", "site keylog x calls 1\nend\n"],
    ["an offset with a fraction", "site keylog 1.5 calls 1\nend\n"],
    ["an offset beyond exact numbers", "site keylog 9007199254740993 calls 1\nend\n"],
    ["a proof that is too long", `${site}${" 1".repeat(40)}\nend\n`],
    ["too many sites", `${`${site}\n`.repeat(33)}end\n`],
    ["a reason with other characters", "none \u001b[31m\nend\n"],
    ["another word", `hello\n${site}\nend\n`],
  ])("with %s is a failure as a whole", (_what, text) => {
    expect(parseAnswer(text).result.kind).toBe("failed");
  });
});
