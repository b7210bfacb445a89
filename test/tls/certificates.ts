import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openssl } from "../proxy/openssl.js";
import { temporaryFolder } from "../temporary-folder.js";

export interface KeyPair {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

const KINDS = {
  rsa: ["-newkey", "rsa:2048"],
  ecdsa: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
} as const;

const made = new Map<string, KeyPair>();

/** A certificate for localhost, signed by itself; made once per test file. */
export function keyPair(kind: keyof typeof KINDS): KeyPair {
  const known = made.get(kind);
  if (known !== undefined) return known;
  const folder = temporaryFolder();
  const certFile = join(folder, "cert.pem");
  const keyFile = join(folder, "key.pem");
  const files = ["-nodes", "-keyout", keyFile, "-out", certFile, "-days", "2"];
  openssl(["req", "-x509", ...KINDS[kind], ...files, "-subj", "/CN=localhost", "-batch"]);
  const read = (file: string) => readFileSync(file, "utf8");
  const pair = { certFile, keyFile, cert: read(certFile), key: read(keyFile) };
  made.set(kind, pair);
  return pair;
}
