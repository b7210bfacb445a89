import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Redactor, redactPath, redactText } from "../../src/event/redact.js";
import { processorMsOf } from "../processor-time.js";

const redactValue = <T>(value: T): T => new Redactor().redact(value);

const R = "…REDACTED";
const letters = "abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ0123456789";
const jwt = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U`;

describe("a credential in text is cut to its first eight characters", () => {
  test.each([
    `sk-proj-${letters}`,
    `sk-ant-api03-${letters}-AA`,
    `sk-or-v1-${letters}`,
    `sk-${letters}`,
    `AIza${letters.slice(0, 35)}`,
    `ya29.${letters}`,
    `gsk_${letters}`,
    `xai-${letters}`,
    `pplx-${letters}`,
    `hf_${letters}`,
    `r8_${letters}`,
    `ghp_${letters}`,
    `github_pat_${letters}`,
    `glpat-${letters}`,
    `xoxb-1234567890-${letters}`,
    `nvapi-${letters}`,
    `npm_${letters}`,
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    jwt,
  ])("%s", (secret) => {
    const masked = secret.slice(0, 8) + R;
    expect(redactText(`my key is ${secret}, is it good?`)).toBe(`my key is ${masked}, is it good?`);
    expect(redactText(secret)).toBe(masked);
    expect(redactText(`A=1\\n${secret}\\n`)).toBe(`A=1\\n${masked}\\n`);
    expect(redactText(`https://host/path?x=1&k%3D${secret}`)).toBe(`https://host/path?x=1&k%3D${masked}`);
    expect(redactText(redactText(`(${secret})`))).toBe(`(${masked})`);
  });
});

test.each([
  ["Authorization: Bearer abcdefgh12345678ijkl", `Authorization: Bearer abcdefgh${R}`],
  ["authorization: basic YW5hOmh1bnRlcjIyaHVudGVyMjI=", `authorization: basic YW5hOmh1${R}`],
  ["OPENAI_API_KEY=0123456789abcdef0123456789abcdef npm start", `OPENAI_API_KEY=01234567${R} npm start`],
  [
    '{"aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1"}',
    `{"aws_secret_access_key": "wJalrXUt${R}"}`,
  ],
  ['{\\"password\\":\\"hunter22\\"}', `{\\"password\\":\\"${R}\\"}`],
  [
    "tool --verbose --api-key 0123456789abcdef0123456789abcdef -x",
    `tool --verbose --api-key 01234567${R} -x`,
  ],
  ["tool --token=Abcdefgh12345678ijklmnop -x", `tool --token=Abcdefgh${R} -x`],
  ["Cookie: session=abc123def456; theme=dark", `Cookie: session=${R}`],
  ["postgres://ana:hunter22@db.example/x", `postgres://ana:${R}@db.example/x`],
])("%s is redacted", (text, expected) => {
  expect(redactText(text)).toBe(expected);
});

const PEM = `-----BEGIN PRIVATE KEY-----\n${`${randomBytes(48).toString("base64")}\n`.repeat(20)}AbCd==\n-----END PRIVATE KEY-----\n`;

test.each([
  ["as it stands in a file", PEM],
  ["within JSON", PEM.replaceAll("\n", "\\n")],
  ["within JSON within JSON", PEM.replaceAll("\n", "\\\\n")],
  ["indented", PEM.replaceAll("\n", "\n    ")],
  ["without its end", PEM.slice(0, 400)],
  ["encrypted", PEM.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n")],
])("a private key %s is redacted", (_, pem) => {
  const redacted = redactText(`key:\n${pem} that was it`);
  expect(redacted).toContain(`-----BEG${R}`);
  expect(redacted).toContain(" that was it");
  expect(redacted).not.toMatch(/[A-Za-z0-9+/=]{20}/);
});

describe("what is no credential stays as it is", () => {
  test.each([
    "a risk-averse task-oriented-approach-to-the-problem-at-hand-2024",
    "019ba454-e7b4-7600-9e5e-376227eb454e",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "chatcmpl-CrJx4pT9vF0wqkG2b1Zs8hUd3nLm",
    "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    "msg_01XFDUDYJgAACzvnptvVoYEL toolu_01D7FLrfh4GYq7yT1ULFeyMV",
    "password: required, at least eight characters",
    "token: string; apiKey: process.env.OPENAI_API_KEY",
    "const token = await getToken(2); password = z.string().min(8)",
    "max_tokens=4096 token_count: 12345678",
    "Bearer authentication is described in the documentation",
    'class="sk-circle-fade-dot-animation-delay"',
    'if (text.includes("-----BEGIN PRIVATE KEY-----")) return "-----END PRIVATE KEY-----";',
  ])("%s", (text) => {
    expect(redactText(text)).toBe(text);
  });
});

test("pictures in base64 stay as they are", () => {
  for (const encoding of ["base64", "base64url"] as const) {
    const picture = `data:image/png;base64,${randomBytes(300_000).toString(encoding)}`;
    expect(redactText(picture) === picture).toBe(true);
  }
});

test("the names of a query stay, its values go", () => {
  expect(redactPath("/v1/x?key=AIzaSyA&alt=sse&empty=&flag")).toBe(
    "/v1/x?key=REDACTED&alt=REDACTED&empty=&flag",
  );
  expect(redactPath(`/v1/x?${letters}`)).toBe("/v1/x?REDACTED");
  expect(redactPath(`/bot/sk-${letters}/send`)).toBe(`/bot/sk-abcde${R}/send`);
  expect(redactPath("/v1/chat/completions")).toBe("/v1/chat/completions");
});

test("fields whose name says that they are secret are redacted, whatever they look like", () => {
  expect(
    redactValue({
      api_key: "plain words",
      "X-Api-Key": "0123456789abcdef0123456789abcdef",
      nested: [{ clientSecret: "s3cr3t", password: 123456, refresh_token: "" }],
      secrets: ["one two", "three"],
      headers: [{ name: "Authorization", value: "my own scheme" }],
    }),
  ).toEqual({
    api_key: R,
    "X-Api-Key": `01234567${R}`,
    nested: [{ clientSecret: R, password: R, refresh_token: "" }],
    secrets: [R, R],
    headers: [{ name: "Authorization", value: R }],
  });
});

test("a service account's private key is redacted, the rest of the account stays", () => {
  const account = { type: "service_account", project_id: "p", private_key: PEM, client_email: "a@p.example" };
  expect(redactValue(account)).toEqual({ ...account, private_key: `-----BEG${R}` });
});

test("schemas of tools, log probabilities and identifiers are not secrets", () => {
  const value = {
    tools: [
      { properties: { password: { type: "string" }, token: { type: "string" } }, required: ["password"] },
    ],
    logprobs: [
      { token: "Hello", logprob: -0.1 },
      { token: "1", logprob: -3 },
    ],
    prompt_cache_key: "3f786850e387550fdab836ed7e6dc881de23001b",
    signature: randomBytes(200).toString("base64"),
    max_tokens: 4096,
    usage: { input_tokens: 5 },
  };
  expect(redactValue(value)).toBe(value);
});

test("what is redacted is a copy, with the keys it had", () => {
  const value = JSON.parse(
    `{"__proto__": {"a": 1}, "api_key": "0123456789abcdef0123456789abcdef", "b": [2]}`,
  );
  const before = JSON.stringify(value);
  const redacted = redactValue(value);
  expect(JSON.stringify(redacted)).toBe(before.replace(/(01234567)\w+/, `$1${R}`));
  expect(JSON.stringify(value)).toBe(before);
  expect(Object.getPrototypeOf(redacted)).toBe(Object.prototype);
});

test("a value nested deeper than can be written is cut", () => {
  const deep = JSON.parse("[".repeat(50_000) + "]".repeat(50_000));
  expect(JSON.stringify(redactValue(deep))).toContain("[nested too deeply]");
});

describe("the time to search is linear in the text", () => {
  test.each([
    "sk-",
    "-eyJ",
    ".eyJaaaaaaaa",
    "api_key:",
    "token=",
    'password="',
    "-----BEGIN PRIVATE KEY-----\n",
    "-----BEGIN PRIVATE KEY-----\nVersion: Version: Version:",
    "-----BEGIN PRIVATE KEY-----                        ",
    "://a:",
    "cookie:aaaaaa",
    "bearer aaaaaaaaaaaaaaaaaaa1",
    "--api-key ",
    "basic YWFhYTphYWFh",
    "\\n",
    "%3D",
  ])("%j, again and again", (part) => {
    const text = part.repeat(500_000 / part.length);
    // Quadratic would be minutes.
    expect(processorMsOf(() => redactText(text))).toBeLessThan(3000);
  });
});
