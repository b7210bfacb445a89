import fc from "fast-check";
import { expect, test } from "vitest";
import { Redactor } from "../../src/event/redact.js";
import { jsonMayHoldSecret } from "../../src/event/secret-screen.js";
import { findSecrets, holdsSecret } from "../../src/event/secrets.js";

const letters = "abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ0123456789";
const KEYS = [
  ..."sk- sk-proj- sk_live_ rk_test_ AIza ya29. GOCSPX- 1//0 gsk_ xai- pplx- hf_ r8_ fw_ csk- nvapi- tgp_v1_".split(
    " ",
  ),
  ..."tvly- lsv2_pt_ ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- xoxb- xapp- npm_ pypi- ntn_ lin_api_".split(
    " ",
  ),
  "bedrock-api-key-",
].map((head) => head + letters);
const HEXES = ["dapi", "doo_v1_", "dop_v1_", "dor_v1_"].map((head) => head + "0123456789abcdef".repeat(3));
const OTHERS = [
  "AKIAIOSFODNN7EXAMPLE",
  "ASIAIOSFODNN7EXAMPLE",
  `ABSK${letters}${letters}`,
  `SG.${letters}.${letters}`,
  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
  "a Bearer abcdefgh12345678ijkl",
  "a BASIC YW5hOmh1bnRlcjIyaHVudGVyMjI=",
  "pass_WORD = hunter22",
  "x.api-key:0123456789abcdef",
  "--client-secret hunter22",
  "Cookies: session=abc123def456",
  "postgres://ana:hunter22@db.example/x",
  `-----BEGIN RSA PRIVATE KEY-----\n${letters}\n`,
];

test.each([...KEYS, ...HEXES, ...OTHERS])("a text with %s is not held to be clean", (secret) => {
  for (const text of [secret, `see ${secret}`, `x\n"${secret}"`, `a=${secret}`, `{"a":"\\"${secret}`]) {
    expect(holdsSecret(text)).toBe(true);
    expect(jsonMayHoldSecret(JSON.stringify({ text }))).toBe(true);
  }
});

test.each([
  { clientSecret: "plain words" },
  { "pass phrase": "plain words" },
  { "api\u00a0key": "plain words" },
  { password: 123456 },
  { secrets: [["one"]] },
  { headers: [{ name: "Authorization", value: "my own scheme" }] },
  { headers: [{ key: "cookie", value: "a" }] },
])("%j is not held to be clean", (value) => {
  expect(new Redactor().redact<unknown>(value)).not.toBe(value);
  expect(jsonMayHoldSecret(JSON.stringify(value))).toBe(true);
  expect(jsonMayHoldSecret(JSON.stringify(value, null, "\t\t"))).toBe(true);
});

test("a key that is written with escapes is not overlooked", () => {
  expect(jsonMayHoldSecret(`{"a":"sk\\u002d${letters}"}`)).toBe(true);
  expect(jsonMayHoldSecret(`{"a":"1\\/\\/0${letters}"}`)).toBe(true);
});

test("what is no credential is told to be clean", () => {
  const value = {
    id: "chatcmpl-CrJx4pT9vF0wqkG2b1Zs8hUd3nLm",
    system_fingerprint: "fp_a7d06e42a7",
    tool_call_id: "call_1",
    text: "a risk-averse task, which of 12 keys; see https://example.com/a_b?x=1 --verbose",
    usage: { prompt_tokens: 5 },
    tools: [{ properties: { password: { type: "string" } } }],
  };
  expect(holdsSecret(JSON.stringify(value.text))).toBe(false);
  expect(jsonMayHoldSecret(JSON.stringify(value))).toBe(false);
});

const piece = fc.oneof(
  fc.constantFrom(...KEYS, ...HEXES, ...OTHERS),
  fc.constantFrom(
    ..." \n\t\"'`\\:=-_.%/@{}3Dn",
    "\\n",
    "%3D",
    "--",
    "key",
    "Password",
    "token",
    "name",
    "value",
    "hunter22",
  ),
  fc.constantFrom(letters, letters.slice(0, 20), "user:pass1@", "://", "\b", "é", "\u00a0"),
);
const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));

test("a text that is held to be clean has no credential", () => {
  fc.assert(
    fc.property(text, (value) => {
      if (!holdsSecret(value)) expect(findSecrets(value)).toEqual([]);
    }),
    { numRuns: 3000 },
  );
});

test("of JSON that is held to be clean nothing is redacted", () => {
  const value = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, text, fc.integer(), fc.constant(null), tie("list"), tie("object")),
    list: fc.array(tie("value"), { maxLength: 3 }),
    object: fc.dictionary(text, tie("value"), { maxKeys: 3 }),
  })).value;
  fc.assert(
    fc.property(value, fc.constantFrom("", " ", "\n\t"), (document, space) => {
      if (jsonMayHoldSecret(JSON.stringify(document, null, space))) return;
      expect(new Redactor().redact(document)).toBe(document);
    }),
    { numRuns: 3000 },
  );
});
