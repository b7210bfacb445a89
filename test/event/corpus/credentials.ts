/** Credentials of many issuers in the surroundings in which they occur. Made of hashes at run time: none is anybody's. */
import { createHash } from "node:crypto";

const ALPHABETS = {
  alnum: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
  hex: "0123456789abcdef",
  upper: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
  letters: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
  base64: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
};
let seed = 0;
function made(length: number, alphabet: keyof typeof ALPHABETS = "alnum"): string {
  let text = "";
  while (text.length < length) {
    for (const byte of createHash("sha256").update(`corpus ${seed++}`).digest())
      text += ALPHABETS[alphabet][byte % ALPHABETS[alphabet].length];
  }
  return text.slice(0, length);
}

/** `prefix:length:alphabet`, told by their looks. */
const PREFIXED = (
  "sk-proj-:60 sk-ant-api03-:90 sk-or-v1-:64:hex sk-:32:hex AIza:35 AQ.Ab8R:48 ya29.:60 gsk_:52 xai-:80 pplx-:48 hf_:34 " +
  "r8_:37 fw_:24 csk-:48 nvapi-:64 tgp_v1_:43 vck_:56 jina_:60 pcsk_:60 ek_:32:hex key_:64:hex sk_live_:24 whsec_:32 ghp_:36 gho_:36 " +
  "github_pat_:82 glpat-:20 npm_:36 pypi-:120 dckr_pat_:27 dapi:32:hex dop_v1_:64:hex cfut_:48 rnd_:28 sb_secret_:31 " +
  "sbp_:40:hex ntn_:46 lin_api_:40 figd_:40 xkeysib-:64:hex SK:32:hex shpat_:32:hex sq0atp-:22 glc_:60 NRAK-:27:upper " +
  "CCIPAT_:40 bkua_:40:hex hvs.:90 tskey-auth-:40 dp.st.dev.:43 HRKU-:58 fo1_:43 AKIA:16:upper ABSK:120 tvly-:32 xoxb-:50 " +
  "GOCSPX-:28 lsv2_pt_:40 ATATT3xFfGF0:180 pul-:40:hex"
).split(" ");
const shaped = PREFIXED.map((row) => {
  const [prefix, length, alphabet] = row.split(":");
  return `${prefix}${made(Number(length), alphabet as keyof typeof ALPHABETS | undefined)}`;
});

const SURROUNDINGS: ReadonlyArray<(secret: string) => string> = [
  (s) => `my key is ${s}, is it good?`,
  (s) => JSON.stringify({ config: { value_of_it: s } }),
  (s) => JSON.stringify(JSON.stringify({ config: { it: s } })),
  (s) => `     1→FOO=${s}\n     2→BAR=1`,
  (s) => `12 | foo: ${s}`,
  (s) => `-old\n+new ${s}\n context`,
  (s) => ` 501  export FOO="${s}"`,
  (s) => `foo:\n  bar: '${s}'`,
  (s) => `https://host.example/x?k=${s}&y=1`,
  (s) => `Authorization: Bearer ${s}`,
  (s) => Buffer.from(`# notes\nfoo = ${s}\nmore of it\n`).toString("base64"),
];

/** Told by their names. */
const NAMED = [
  ["GITHUB_TOKEN", 40, "hex"],
  ["AZURE_OPENAI_KEY", 32, "hex"],
  ["SMTP_PASS", 14, "letters"],
  ["SECRET_KEY_BASE", 128, "hex"],
  ["JWT_SECRET", 32, "letters"],
  ["AWS_SECRET_ACCESS_KEY", 40, "base64"],
  ["DB_PASSWORD", 12, "alnum"],
  ["MISTRAL_API_KEY", 32, "alnum"],
  ["DD_API_KEY", 32, "hex"],
  ["COHERE_API_KEY", 40, "alnum"],
] as const;
const SETTINGS: ReadonlyArray<(name: string, secret: string) => string> = [
  (n, s) => `${n}=${s}`,
  (n, s) => `     7→${n}=${s}`,
  (n, s) => `export ${n}="${s}"`,
  (n, s) => `+${n}=${s}\n-old`,
  (n, s) => `env:\n  ${n}: ${s}\n`,
  (n, s) => JSON.stringify({ env: { [n]: s } }),
  (n, s) => JSON.stringify(`a\n${n}=${s}\nb`),
  (n, s) => `ENV ${n}=${s}`,
];

const p = () => made(14);
function others(): [text: string, secret: string][] {
  const cases: ((s: string) => string)[] = [
    (s) => `postgres://u:p@${s}/w0rd@db/x`,
    (s) => `mysql://u:${s}@db:3306/x`,
    (s) => `mongodb+srv://u:${s}@c.example/x`,
    (s) => `redis://:${s}@r:6379`,
    (s) => `amqp://u:${s}@mq`,
    (s) => `dsn := "ana:${s}@tcp(db:3306)/x"`,
    (s) => `jdbc:sqlserver://h;user=u;password=${s};`,
    (s) => `Server=h;Uid=u;Pwd=${s};`,
    (s) => `curl -u ana:${s} https://x.example`,
    (s) => `mysql -u root -p${s} x`,
    (s) => `machine x.example login ana password ${s}`,
    (s) => `<password>${s}</password>`,
    (s) => `tool --password ${s} -x`,
    (s) => `password: "${s}",`,
    (s) => `Authorization: Digest username="ana", realm="x", response="${s}"`,
  ];
  const long: ((s: string) => string)[] = [
    ...["Token", "Key", "SSWS", "Bot", "ApiKey"].map(
      (scheme) => (s: string) => `Authorization: ${scheme} ${s}`,
    ),
    (s) => `Authorization: AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=${s}`,
    (s) => `AccountName=x;AccountKey=${s}==;EndpointSuffix=y`,
    (s) => `https://x.blob.example/c?sv=2024-11-04&sig=${s}%3D`,
    (s) => `Cookie: session=${s}; theme=dark`,
    (s) => `//registry.example/:_authToken=${s}`,
    (s) => `https://x-access-token:${s}@git.example/a`,
    (s) => JSON.stringify({ auths: { x: { auth: Buffer.from(`ana:${s}`).toString("base64") } } }),
    (s) => `{"kty":"EC","d":"${s}"}`,
  ];
  const hash = made(32, "hex");
  return [
    ...cases.map((write) => ((s) => [write(s), s] as [string, string])(p())),
    ...long.map((write) => ((s) => [write(s), s] as [string, string])(made(43))),
    [`https://${hash}@o1.sentry.example/2`, hash],
  ];
}

function armours(): [text: string, secret: string][] {
  return ["RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", ""].flatMap((kind) => {
    const lines = Array.from({ length: 6 }, () => made(64, "base64"));
    const pem = [`-----BEGIN ${kind}PRIVATE KEY-----`, ...lines, `-----END ${kind}PRIVATE KEY-----`];
    const secret = lines[4]!;
    return [
      pem.join("\n"),
      pem.join("\\n"),
      pem.map((line, n) => `     ${n + 1}→${line}`).join("\n"),
      pem.map((line, n) => `${n + 1} | ${line}`).join("\n"),
      pem.map((line) => `+${line}`).join("\n"),
      pem.map((line) => `    ${line}`).join("\n"),
      Buffer.from(pem.join("\n")).toString("base64"),
    ].map((text): [string, string] => [text, secret]);
  });
}

/** Texts, and what must not be in them any more beyond its first eight characters. */
export function credentialCases(): [text: string, secret: string][] {
  return [
    ...shaped.flatMap((s) => SURROUNDINGS.map((write): [string, string] => [write(s), s])),
    ...NAMED.flatMap(([name, length, alphabet]) =>
      SETTINGS.map((write): [string, string] =>
        ((s) => [write(name, s), s] as [string, string])(made(length, alphabet)),
      ),
    ),
    ...others(),
    ...armours(),
  ];
}
