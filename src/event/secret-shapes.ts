/**
 * Credentials with a known form. The prefixes are documented by their issuers; lengths are the shortest seen, so that
 * neither words (`task-…`) nor hashes nor UUIDs match.
 */

/**
 * Sources of regular expressions. Each must begin with two plain characters or classes (which may be repeated), and
 * must fail within a bounded number of characters, or the search is not linear.
 */
const SHAPES: ReadonlyArray<readonly [issuer: string, ...shapes: string[]]> = [
  // Requires a digit, which all keys have and names such as `sk-circle-fade-dot-animation` lack.
  ["OpenAI, Anthropic, and all who follow OpenAI", "sk-(?=[A-Za-z_-]{0,48}[0-9])[A-Za-z0-9_-]{20,}"],
  ["OpenAI: ephemeral, sessions", "ek_[A-Za-z0-9]{24,}", "sess-[A-Za-z0-9]{30,}"],
  ["Anthropic: organisations", "sk_ant_[A-Za-z0-9_-]{20,}"],
  ["Stripe", "sk_(?:live|test)_[A-Za-z0-9]{16,}", "rk_(?:live|test)_[A-Za-z0-9]{16,}"],
  ["Stripe, Svix, Standard Webhooks", "whsec_[A-Za-z0-9+/=]{24,}"],
  ["ElevenLabs", "sk_[0-9a-f]{48}"],
  ["Google API", "AIza[A-Za-z0-9_-]{35}", "AQ\\.[A-Za-z0-9_-]{30,}"],
  ["Google OAuth", "ya29\\.[A-Za-z0-9_-]{20,}", "GOCSPX-[A-Za-z0-9_-]{20,}", "1//0[A-Za-z0-9_-]{20,}"],
  ["Google HMAC", "GOOG[A-Z0-9]{1,2}[A-Z0-9]{20,58}(?![A-Za-z0-9])"],
  ["Groq", "gsk_[A-Za-z0-9]{20,}"],
  ["xAI", "xai-[A-Za-z0-9]{20,}"],
  ["Perplexity", "pplx-[A-Za-z0-9]{20,}"],
  ["Hugging Face", "hf_[A-Za-z0-9]{30,}", "api_org_[A-Za-z0-9]{30,}"],
  ["Replicate", "r8_[A-Za-z0-9]{30,}"],
  ["Fireworks", "fw_[A-Za-z0-9]{20,}"],
  ["Cerebras", "csk-[A-Za-z0-9]{20,}"],
  ["NVIDIA", "nvapi-[A-Za-z0-9_-]{20,}"],
  ["Together", "tgp_v1_[A-Za-z0-9_-]{20,}"],
  ["Tavily", "tvly-[A-Za-z0-9-]{20,}"],
  ["LangSmith", "lsv2_[a-z]{2}_[A-Za-z0-9_]{20,}"],
  ["Langfuse", "sk-lf-[0-9a-f-]{36}"],
  ["Jina", "jina_[A-Za-z0-9]{40,}"],
  ["Voyage", "pa-(?=[A-Za-z_-]{0,40}[0-9])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"],
  ["Pinecone", "pcsk_[A-Za-z0-9_]{30,}"],
  ["Zhipu", "[0-9a-f]{32}\\.(?=[a-z0-9]{0,15}[A-Z])(?=[A-Z0-9]{0,15}[a-z])[A-Za-z0-9]{16}(?![A-Za-z0-9])"],
  ["Cursor", "key_[0-9a-f]{40,}", "crsr_[0-9a-f]{40,}"],
  ["Firecrawl, Exa, E2B, Browserbase", "fc-[0-9a-f]{32}", "e2b_[0-9a-f]{32,}", "bb_live_[A-Za-z0-9_-]{20,}"],
  ["Weights & Biases", "wandb_v1_[A-Za-z0-9_]{20,}"],
  ["RunPod, Modal, Baseten", "rpa_[A-Z0-9]{30,}", "a[ks]-[A-Za-z0-9]{22}(?![A-Za-z0-9-])"],
  ["GitHub", "gh[pousr]_[A-Za-z0-9]{30,}", "github_pat_[A-Za-z0-9_]{22,}"],
  [
    "GitLab",
    "gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_.-]{20,}",
    "GR1348941[A-Za-z0-9_-]{20,}",
  ],
  ["Bitbucket, Atlassian", "AT(?:ATT|CTT|BB|STT)[A-Za-z0-9]{1,2}[A-Za-z0-9_=-]{20,}"],
  ["Slack", "xox[a-z]-[A-Za-z0-9-]{10,}", "xapp-[A-Za-z0-9-]{20,}", "xoxe\\.xox[bp]-[A-Za-z0-9-]{20,}"],
  ["Slack, Discord and Teams webhooks", "services/T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{20,}"],
  ["Discord webhooks", "webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,}"],
  ["Discord bots", "[MNO][A-Za-z0-9][A-Za-z0-9_-]{21,26}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,}"],
  ["npm", "npm_[A-Za-z0-9]{30,}"],
  ["PyPI, TestPyPI", "pypi-[A-Za-z0-9_-]{40,}"],
  ["RubyGems", "rubygems_[0-9a-f]{40,}"],
  ["crates.io", "cio[A-Za-z0-9]{32}(?![A-Za-z0-9])"],
  ["NuGet", "oy2[a-z0-9]{43}(?![A-Za-z0-9])"],
  ["Docker Hub", "dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}"],
  ["Databricks", "dapi[0-9a-f]{32}", "dkea[0-9a-f]{32}", "dose[0-9a-f]{32}"],
  ["DigitalOcean", "do[opr]_v1_[0-9a-f]{40,}"],
  ["Vercel", "vc[kpiars]_[A-Za-z0-9]{24,}"],
  ["Netlify", "nf[pcoub]_[A-Za-z0-9]{30,}"],
  ["Cloudflare", "cf[a-z]{1,3}_[A-Za-z0-9_-]{36,}", "v1\\.0-[0-9a-f]{24}-[0-9a-f]{100,}"],
  ["Fly.io", "fm[12][ar]?_[A-Za-z0-9+/=_-]{30,}", "fo1_[A-Za-z0-9_-]{30,}"],
  ["Heroku", "HRKU-[A-Za-z0-9_-]{30,}"],
  ["Render", "rnd_[A-Za-z0-9]{20,}"],
  ["Supabase", "sb_secret_[A-Za-z0-9_-]{20,}", "sbp_(?:v0_)?[0-9a-f]{40}"],
  [
    "PlanetScale, Neon",
    "pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{30,}",
    "npg_[A-Za-z0-9]{10,}",
    "napi_[a-z0-9]{30,}",
  ],
  ["Notion", "ntn_[A-Za-z0-9]{30,}", "secret_[A-Za-z0-9]{40,}"],
  ["Linear", "lin_(?:api|oauth|wh)_[A-Za-z0-9]{30,}"],
  ["Figma", "fig[durh]_[A-Za-z0-9_-]{30,}"],
  ["Airtable", "pat[A-Za-z0-9]{14}\\.[0-9a-f]{64}"],
  ["SendGrid", "SG\\.[A-Za-z0-9_-]{16,}\\.[A-Za-z0-9_-]{16,}"],
  [
    "Brevo, Mailgun, Mailchimp, Resend",
    "xkeysib-[0-9a-f]{40,}",
    "xsmtpsib-[0-9a-f]{40,}",
    "key-[0-9a-f]{32}",
  ],
  ["Mailchimp", "[0-9a-f]{32}-us[0-9]{1,2}(?![0-9a-z])"],
  ["Resend", "re_[A-Za-z0-9]{6,}_[A-Za-z0-9]{20,}"],
  ["Twilio", "SK[0-9a-f]{32}(?![0-9A-Za-z])"],
  ["Shopify", "shp(?:at|ca|pa|ss|ua|cat)_[0-9a-fA-F]{32}"],
  ["Square", "sq0[a-z]{3}-[A-Za-z0-9_-]{22,}", "EAAA[A-Za-z0-9_-]{60}"],
  ["Facebook", "EAA[A-Za-z0-9]{80,}"],
  ["PayPal", "access_token\\$(?:production|sandbox)\\$[0-9a-z]{16}\\$[0-9a-f]{32}"],
  ["Plaid", "access-(?:sandbox|development|production)-[0-9a-f-]{36}"],
  [
    "Adyen, Razorpay, Flutterwave",
    "AQE[A-Za-z0-9][A-Za-z0-9+/=-]{60,}",
    "rzp_(?:live|test)_[A-Za-z0-9]{14,}",
  ],
  ["Flutterwave", "FLWSECK[_-](?:TEST-)?[A-Za-z0-9-]{20,}"],
  ["Grafana", "glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}", "glc_[A-Za-z0-9+/=]{32,}"],
  ["Sentry", "sntry[su]_[A-Za-z0-9+/=_-]{40,}"],
  ["New Relic", "NRAK-[A-Z0-9]{20,}", "NRJS-[0-9a-f]{19}", "NRII-[A-Za-z0-9_-]{30,}"],
  ["Datadog application keys", "dda(?:pp|pi)_[A-Za-z0-9]{30,}", "pub[0-9a-f]{32}(?![0-9a-f])"],
  [
    "Honeycomb, Dynatrace, Sumo",
    "hc[abx]ik_[A-Za-z0-9]{50,}",
    "dt0[a-z][0-9]{2}\\.[A-Z0-9]{24}\\.[A-Z0-9]{64}",
  ],
  ["PostHog, Segment, Algolia", "ph[xc]_[A-Za-z0-9]{30,}", "sgp_[A-Za-z0-9_]{40,}"],
  [
    "LaunchDarkly",
    ...["sdk", "api", "mob"].map((head) => `${head}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`),
  ],
  ["Postman", "PMAK-[0-9a-f]{24}-[0-9a-f]{34}"],
  ["CircleCI", "CCI(?:PAT|PRJ)_[A-Za-z0-9_]{20,}"],
  ["Buildkite", "bku[ai]_[0-9a-f]{40}", "bkat_[A-Za-z0-9._-]{30,}"],
  ["Doppler", "dp\\.(?:pt|st|sa|ct|scim|audit)\\.[A-Za-z0-9_.-]{36,}"],
  [
    "1Password",
    "ops_eyJ[A-Za-z0-9_+/=-]{40,}",
    "A3-[A-Z0-9]{6}-(?:[A-Z0-9]{5,6}-){3,4}[A-Z0-9]{5}(?![A-Z0-9])",
  ],
  [
    "HashiCorp Vault",
    "hv[sbr]\\.[A-Za-z0-9_-]{24,}",
    "s\\.(?=[A-Za-z]{0,23}[0-9])[A-Za-z0-9]{24}(?![A-Za-z0-9])",
  ],
  ["Pulumi, Infracost", "pul-[0-9a-f]{40}", "ico-[A-Za-z0-9]{32}"],
  ["Tailscale", "tskey-[a-z]{3,12}-[A-Za-z0-9-]{20,}"],
  ["ngrok", "ak_[A-Za-z0-9]{27}(?![A-Za-z0-9])", "cr_[A-Za-z0-9]{27}(?![A-Za-z0-9])"],
  ["JFrog", "AKCp[A-Za-z0-9]{40,}", "cmVmd[A-Za-z0-9]{59}(?![A-Za-z0-9])"],
  ["SonarQube, Snyk, Codecov", "sq[apu]_[0-9a-f]{40}"],
  [
    "Typeform, Contentful, Prefect",
    "tfp_[A-Za-z0-9_.-]{40,}",
    "CFPAT-[A-Za-z0-9_-]{40,}",
    "pn[bu]_[A-Za-z0-9]{36}",
  ],
  ["HubSpot", "pat-(?:na|eu|ap)[0-9]-[0-9a-f-]{36}"],
  ["Dropbox, Box", "sl\\.[A-Za-z0-9_-]{60,}"],
  ["AWS key ids", ...["AKIA", "ASIA", "ABIA", "ACCA"].map((head) => `${head}[A-Z2-7]{16}(?![A-Za-z0-9+/])`)],
  ["Amazon Bedrock", "ABSK[A-Za-z0-9+/]{60,}", "bedrock-api-key-[A-Za-z0-9+/]{20,}"],
  ["AWS session tokens", "IQoJb3JpZ2lu[A-Za-z0-9+/%]{20,}={0,2}", "F[wQ]oGZXIvYXdz[A-Za-z0-9+/%]{20,}={0,2}"],
  ["age", "AGE-SECRET-KEY-1[A-Z0-9]{50,}", "AGE-PLUGIN-[A-Z0-9-]{1,32}-1[A-Z0-9]{30,}"],
  ["minisign, signify", "RW[QRST][A-Za-z0-9+/]{130,}={0,2}"],
  // Signed (three parts) or encrypted (five); both begin with the base64 of `{"` (RFC 7519 §3). Not tried at
  // every dash of a run, since each attempt would search for the end of the run.
  ["JWT", "eyJ(?<![_-]eyJ)[A-Za-z0-9_-]{8,}(?:\\.[A-Za-z0-9_-]*){2,4}"],
];

/** Shapes by the first two characters of what they match. */
const BY_PAIR = new Map<number, RegExp>();
const PAIRS = new Uint8Array(128 * 128);

const sources = new Map<number, string[]>();
for (const shape of SHAPES.flatMap(([, ...shapes]) => shapes)) {
  for (const pair of pairsOf(shape)) sources.set(pair, [...(sources.get(pair) ?? []), shape]);
}
const compiled = new Map<string, RegExp>();
for (const [pair, shapes] of sources) {
  const source = shapes.join("|");
  const pattern = compiled.get(source) ?? new RegExp(source, "y");
  compiled.set(source, pattern);
  BY_PAIR.set(pair, pattern);
  PAIRS[pair] = 1;
}

function pairsOf(shape: string): number[] {
  const [, one, repeated, next] = /^(\[[^\]]+\]|[A-Za-z0-9])(\{\d+,?\d*\})?(\\.|\[[^\]]+\]|.)/.exec(shape)!;
  const second = charsOf(repeated === undefined ? next! : one!);
  return charsOf(one!).flatMap((first) => second.map((code) => first * 128 + code));
}

/** The characters matched by one position of a shape: a character, or a class. */
function charsOf(place: string): number[] {
  const pattern = new RegExp(`^${place}$`);
  return Array.from({ length: 128 }, (_, code) => code).filter((code) =>
    pattern.test(String.fromCharCode(code)),
  );
}

/** End of the credential that starts there, judging by its form; -1 when there is none. */
export function endOfKey(text: string, start: number): number {
  const one = text.charCodeAt(start);
  const two = text.charCodeAt(start + 1);
  if (!(one < 128 && two < 128) || PAIRS[one * 128 + two] !== 1) return -1;
  const pattern = BY_PAIR.get(one * 128 + two)!;
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : -1;
}

/** Credentials recognised by a mark inside them. */
export const MARKED_WITHIN: ReadonlyArray<readonly [mark: string, shape: RegExp]> = [
  // Azure's current format (AI services, storage and others), Entra applications, Terraform Cloud, New Relic.
  ["JQQJ99", /[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{20,30}/],
  ["Q~", /(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}/],
  [".atlasv1.", /[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{40,}/],
  ["NRAL", /[0-9a-fA-F]{36}NRAL/],
];
