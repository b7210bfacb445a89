import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Redactor, redactText } from "../../src/event/redact.js";
import { spellsSecret } from "../../src/event/spelled-out.js";

const digest = (name: string, encoding: "hex" | "base64" | "base64url") =>
  createHash("sha512").update(name).digest(encoding);
const letters = (name: string, length: number) =>
  digest(name, "base64")
    .replace(/[^A-Za-z0-9]/g, "")
    .slice(0, length);

const ORDINARY: readonly unknown[] = [
  { pwd: "/home/user" },
  { pwd: "/srv/app-2/build", cwd: "/srv" },
  {
    type: "object",
    properties: { password: { type: "string", minLength: 8, description: "The password." } },
  },
  { properties: { api_key: { type: "string" }, token: { type: "string" } }, required: ["api_key", "token"] },
  { credentials: "include" },
  { credentials: "same-origin" },
  { password: "string" },
  { note: "cookie: chocolate chip recipe" },
  { cookie: "chocolate chip recipe" },
  { max_tokens: 4096, max_completion_tokens: 200_000, prompt_tokens: 120_000, token_count: 5000 },
  { key: "value-12", keys: ["one", "two"] },
  { secret: false, password: null },
];

test.each(ORDINARY)("%j stays as it is", (value) => {
  expect(new Redactor().redact(value)).toBe(value);
  expect(redactText(JSON.stringify(value))).toBe(JSON.stringify(value));
});

const AWS = `${letters("aws", 20)}/${letters("aws 2", 19)}`;
const KEY = `sk-proj-${letters("key", 48)}`;
const HEX = digest("hex", "hex").slice(0, 32);
const PEM = [
  "-----BEGIN RSA PRIVATE KEY-----",
  letters("a", 64),
  letters("b", 64),
  "-----END RSA PRIVATE KEY-----",
];

const CREDENTIALS: ReadonlyArray<readonly [told: string, text: string, secret: string]> = [
  ["a bare AWS secret key", `it says ${AWS} here`, AWS],
  ["a key over two lines", `${KEY.slice(0, 40)}\n${KEY.slice(40)}`, KEY.slice(40)],
  ["a numbered private key", PEM.map((line, n) => `     ${n + 1}→${line}`).join("\n"), letters("b", 64)],
  ["a short value in hex", `     3→DEPLOY_TOKEN=${HEX.slice(0, 16)}\n     4→A=1`, HEX.slice(0, 16)],
  ["a database's password with / and @", "postgres://ana:p@ss/w0rd9x@db:5432/app", "ss/w0rd9x"],
  ["a Sentry address", `https://${HEX}@o1.ingest.sentry.example/42`, HEX],
  [
    "a signature of Azure",
    `https://a.blob.example/c?sv=2024-11-04&sig=${digest("s", "base64").slice(0, 43)}%3D`,
    "%3D",
  ],
  ["a data source name of Go", "ana:Tr0ub4dor@tcp(db:3306)/app", "Tr0ub4dor"],
  ...["Token", "Key", "SSWS", "Bot"].map(
    (scheme) =>
      [
        `Authorization: ${scheme}`,
        `Authorization: ${scheme} ${letters(scheme, 42)}`,
        letters(scheme, 42),
      ] as const,
  ),
];

test.each(CREDENTIALS)("%s is cut", (_, text, secret) => {
  expect(redactText(text)).not.toContain(secret.slice(-Math.min(8, secret.length)));
  expect(JSON.stringify(new Redactor().redact({ text }))).not.toContain(
    secret.slice(-Math.min(8, secret.length)),
  );
});

test("of a transfer's login the password is cut, and the address stays", () => {
  expect(redactText("curl -u ana:s3cretPass https://x.example/path?a=1")).toBe(
    "curl -u ana:…REDACTED https://x.example/path?a=1",
  );
});

const pieces = KEY.match(/.{1,5}/g)!;

test.each<readonly [string, readonly unknown[]]>([
  ["tokens of log probabilities", pieces.map((token) => ({ logprobs: { content: [{ token }] } }))],
  [
    "bytes of log probabilities",
    pieces.map((token) => ({ logprobs: { content: [{ bytes: [...Buffer.from(token)] }] } })),
  ],
  [
    "fragments of a tool's arguments",
    pieces.map((part) => ({ delta: { tool_calls: [{ function: { arguments: part } }] } })),
  ],
  ["partial_json", pieces.map((part) => ({ delta: { type: "input_json_delta", partial_json: part } }))],
  ["contents of a stream", pieces.map((content) => ({ id: "chatcmpl-1", delta: { content } }))],
])("%s spell a credential", (_, messages) => {
  expect(spellsSecret(messages)).toBe(true);
});

test("what each message of a stream repeats spells nothing", () => {
  const id = letters("id", 12);
  expect(spellsSecret(pieces.map(() => ({ id, object: "chunk", delta: { content: "word " } })))).toBe(false);
});
