import { describe, expect, it } from "vitest";
import { compileHostPattern } from "../../src/oisp/host-pattern.js";
import { processorMsOf } from "../processor-time.js";

const regexOf = (published: string): RegExp | undefined => {
  const compiled = compileHostPattern(published);
  return compiled.kind === "compiled" ? compiled.regex : undefined;
};

describe("a published pattern is made tight", () => {
  it.each([
    [
      String.raw`.*\.openai\.azure\.com$`,
      ["a.openai.azure.com"],
      ["a.b.openai.azure.com", "openai.azure.com", "a.openai.azure.com.evil.org"],
    ],
    ["*.openai.azure.com", ["a.openai.azure.com"], ["aopenai.azure.com", "a.openai.azure.com.evil.org"]],
    [String.raw`^.*\.openai\.azure\.com$`, ["a.openai.azure.com"], ["a.openaixazure.com"]],
    [
      String.raw`bedrock\..*\.amazonaws\.com$`,
      ["bedrock.us-east-1.amazonaws.com"],
      ["bedrock.s3.amazonaws.com", "xbedrock.us-east-1.amazonaws.com"],
    ],
    [
      "bedrock-runtime.*.amazonaws.com",
      ["bedrock-runtime.eu-west-3.amazonaws.com"],
      ["bedrock-runtime.evil-amazonaws.com", "bedrock-runtime.s3.amazonaws.com"],
    ],
    [
      String.raw`^bedrock\-runtime\..*\.amazonaws\.com$`,
      ["bedrock-runtime.eu-west-3.amazonaws.com"],
      ["bedrock.runtime.eu-west-3.amazonaws.com"],
    ],
    [
      String.raw`api-[a-z0-9]{2,4}\.example\.com`,
      ["api-eu1.example.com"],
      ["api-e.example.com", "xapi-eu1.example.com"],
    ],
  ])("%s", (published, inside, outside) => {
    for (const host of inside) expect(regexOf(published)?.test(host), host).toBe(true);
    for (const host of outside) expect(regexOf(published)?.test(host), host).toBe(false);
  });

  it("and keeps its port apart", () => {
    expect(compileHostPattern("^localhost:11434$")).toEqual({
      kind: "compiled",
      regex: /^localhost$/,
      port: 11434,
    });
  });
});

it.each([
  String.raw`(a+)+\.example\.com`,
  String.raw`(?:a|aa)*\.example\.com`,
  String.raw`(?=a).*\.example\.com`,
  String.raw`(.)\1\.example\.com`,
  String.raw`.*.*.*.*\.example\.com`,
  String.raw`[a-z]+[a-z]+[a-z]+[a-z]+\.example\.com`,
  ".*",
  ".*$",
  "*",
  "*.com",
  String.raw`.*\.com$`,
  String.raw`.*\.co\.uk$`,
  "*-com.au",
  String.raw`[z-a]\.api\.example\.com`,
  String.raw`[a-z]{5,2}\.api\.example\.com`,
  String.raw`api\.example\..*`,
  "a".repeat(300),
  "api example.com",
  "",
])("%s is refused", (published) => {
  expect(compileHostPattern(published).kind).toBe("refused");
});

it("answers for the worst host of the worst allowed pattern at once", () => {
  const regex = regexOf(String.raw`[a-z]+[a-z]+[a-z]+\.example\.com`)!;
  const spent = processorMsOf(() => expect(regex.test(`${"a".repeat(240)}.example.co`)).toBe(false));
  expect(spent).toBeLessThan(1000);
});
