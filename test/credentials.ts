const tail = "T3stOnlyQ7xZk2Vb9Lm4Rp8Wd1Yc6Hs3";
const claims = Buffer.from('{"sub":"T3stOnly","iat":1767983786}').toString("base64url");

/**
 * All credentials that tests hand to what is tested: in headers, queries, bodies and variables. Made up, of the
 * shapes that the providers give out. At the end of a run everything that it wrote is searched for them
 * (`kept-outputs.ts`), so a test that needs another one adds it here.
 */
export const CREDENTIALS = {
  openai: `sk-proj-${tail}`,
  anthropic: `sk-ant-api03-${tail}-AA`,
  google: `AIzaSy${tail}q`,
  cohere: "C0hereOnlyT3stQ7xZk2Vb9Lm4Rp8Wd1Yc6Hs3Tn",
  mistral: "M1stralOnlyT3stQ7xZk2Vb9Lm4Rp8Wd",
  groq: `gsk_${tail}Gq`,
  awsKeyId: "AKIAT3STONLYQ7XZK2VB",
  awsSecretKey: "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",
  awsSessionToken: `IQoJb3JpZ2luX2VjE${tail}${tail}`,
  jwt: `${Buffer.from('{"alg":"HS256"}').toString("base64url")}.${claims}.${tail}`,
  cookie: "S3ssionOnlyT3stQ7xZk2Vb9Lm4Rp8",
  password: "correct-horse-battery-staple",
  proxyPassword: "pr0xy-horse-battery-staple",
} as const;
