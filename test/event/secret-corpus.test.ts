import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { redactText } from "../../src/event/redact.js";
import { credentialCases } from "./corpus/credentials.js";

test("98 of 100 credentials are cut, whatever stands around them", () => {
  const cases = credentialCases();
  const missed = cases.filter(([text, secret]) =>
    redactText(text).includes(secret.slice(-Math.min(12, secret.length))),
  );
  console.log(
    `recall ${cases.length - missed.length} of ${cases.length}`,
    missed.map(([text]) => text.slice(0, 60)),
  );
  expect(cases.length).toBeGreaterThan(400);
  expect(missed.length / cases.length).toBeLessThanOrEqual(0.02);
});

const hash = (n: number, kind = "sha256") => createHash(kind).update(String(n)).digest("hex");
const MADE = (n: number) => [
  `commit ${hash(n, "sha1")}`,
  `"integrity": "sha512-${createHash("sha512").update(String(n)).digest("base64")}",`,
  `id ${hash(n).slice(0, 8)}-${hash(n).slice(8, 12)}-4${hash(n).slice(13, 16)}-a${hash(n).slice(17, 20)}-${hash(n).slice(20, 32)}`,
  `image@sha256:${hash(n)}`,
  `{"pwd":"/home/user${n}","credentials":"include","max_tokens":${n},"token_count":${n}}`,
  `"password": {"type": "string", "minLength": ${n}},`,
  `cookie: chocolate chip recipe ${n}`,
];

test("of ordinary lines one of a thousand is cut at most", () => {
  const source = fileURLToPath(new URL("../../src", import.meta.url));
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const code = files.flatMap((file) => readFileSync(`${source}/${file}`, "utf8").split("\n"));
  const lines = [...code, ...Array.from({ length: 300 }, (_, n) => MADE(n)).flat()].filter(
    (line) => line.trim() !== "",
  );
  const cut = lines.filter((line) => redactText(line) !== line);
  console.log(`false cuts ${cut.length} of ${lines.length}`, cut.slice(0, 20));
  expect(lines.length).toBeGreaterThan(2000);
  expect(cut.length / lines.length).toBeLessThanOrEqual(0.001);
});
