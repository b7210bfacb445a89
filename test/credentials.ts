import { createHash } from "node:crypto";

/** What nobody could guess, and is no other's. */
const unique = (name: string) =>
  createHash("sha256").update(name).digest("base64").replace(/\W/g, "").slice(0, 35);
const base64url = (text: string) => Buffer.from(text).toString("base64url");

/**
 * All credentials that tests hand to what is tested: in headers, queries, bodies and variables. Made up, of the
 * shapes that the providers give out. At the end of a run everything that it wrote is searched for them
 * (`outputs-of-run.ts`), so a test that needs another one adds it here.
 */
export const CREDENTIALS = {
  openai: `sk-proj-${unique("openai")}`,
  anthropic: `sk-ant-api03-${unique("anthropic")}-AA`,
  google: `AIza${unique("google")}`,
  cohere: unique("cohere"),
  mistral: unique("mistral"),
  groq: `gsk_${unique("groq")}`,
  awsKeyId: "AKIAT3STONLYQ7XZK2VB",
  awsSecretKey: `${unique("aws")}/Ab3/`,
  awsSessionToken: `IQoJb3JpZ2luX2VjE${unique("session")}`,
  jwt: `${base64url('{"alg":"HS256"}')}.${base64url('{"sub":"ana","iat":1767983786}')}.${unique("jwt")}`,
  cookie: unique("cookie"),
  password: "correct-horse-battery-staple",
  proxyPassword: "let-4-ponies-in-quietly",
} as const;
