import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { redactText } from "../../src/event/redact.js";
import { furtherCredentials } from "./corpus/further-credentials.js";

test("of credentials in formats of other tools nine of ten are cut", () => {
  const cases = furtherCredentials();
  const missed = cases.filter(([text, secret]) => {
    const redacted = redactText(text);
    return redacted === text || redacted.includes(secret.slice(-12));
  });
  console.log(
    `recall ${cases.length - missed.length} of ${cases.length}`,
    missed.map(([text]) => text.slice(0, 50)),
  );
  expect(cases.length).toBe(150);
  expect(missed.length / cases.length).toBeLessThanOrEqual(0.1);
});

const PACKAGES = [
  "openai",
  "groq-sdk",
  "cohere-ai",
  "@google/genai",
  "@mistralai/mistralai",
  "@anthropic-ai/sdk",
  "@grpc/grpc-js",
  "typescript",
  "vitest",
  "fast-check",
  "tsx",
  "eventsource-parser",
  "ajv",
  "pino",
];
const KINDS = /(?:\.md|\.d\.ts|\.m?js|\.css|\.json)$/;
const FILES_OF_EACH = 12;
const LINES_OF_EACH = 400;

test("of lines of packages, one of a thousand is cut at most", () => {
  const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));
  const lines = PACKAGES.flatMap((name) => {
    const folder = `${modules}/${name}`;
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => KINDS.test(file) && !file.includes("node_modules"))
      .sort();
    return files
      .slice(0, FILES_OF_EACH)
      .flatMap((file) => readFileSync(`${folder}/${file}`, "utf8").split("\n").slice(0, LINES_OF_EACH));
  }).filter((line) => line.trim() !== "");
  const cut = lines.filter((line) => redactText(line) !== line);
  console.log(
    `false cuts ${cut.length} of ${lines.length}`,
    cut.map((line) => line.slice(0, 120)).slice(0, 20),
  );
  expect(lines.length).toBeGreaterThan(2000);
  expect(cut.length / lines.length).toBeLessThanOrEqual(0.001);
});
