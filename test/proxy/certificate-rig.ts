/** A certificate authority with an OCSP responder, by the system's openssl: nothing of it is ours. */

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../temporary-folder.js";
import { HOST } from "./client-hello-rig.js";
import { openssl } from "./openssl.js";

export interface ServerCertificate {
  readonly key: string;
  readonly cert: string;
  /** The file of `cert`. */
  readonly path: string;
  readonly serial: string;
}

export interface LeafOptions {
  readonly key?: readonly string[];
  readonly digest?: string;
  readonly extensions?: readonly string[];
  /** Those of HOST when absent. */
  readonly names?: readonly string[];
  /** `/CN=` and HOST when absent. */
  readonly subject?: string;
  /** Less than none: one that ended. */
  readonly days?: number;
}

export class TestAuthority {
  private readonly folder = temporaryFolder();
  private readonly key = join(this.folder, "ca.key");
  readonly path = join(this.folder, "ca.pem");
  private leaves = 0;

  constructor(name = "Test Root") {
    const subject = ["-subj", `/CN=${name}`, "-days", "30"];
    openssl([
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      this.key,
      "-out",
      this.path,
      ...subject,
    ]);
  }

  /** One whose certificate this one signed. */
  intermediate(): TestAuthority {
    const made = new TestAuthority("Test Intermediate");
    const [request, extensions] = ["csr", "ext"].map((kind) => join(made.folder, `ca.${kind}`)) as [
      string,
      string,
    ];
    openssl(["req", "-new", "-key", made.key, "-subj", "/CN=Test Intermediate", "-out", request]);
    writeFileSync(extensions, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign");
    const sign = ["x509", "-req", "-in", request, "-CA", this.path, "-CAkey", this.key, "-days", "20"];
    openssl([...sign, "-set_serial", "0x20", "-extfile", extensions, "-out", made.path]);
    return made;
  }

  get keyPem(): string {
    return readFileSync(this.key, "utf8");
  }

  get pem(): string {
    return readFileSync(this.path, "utf8");
  }

  issue({
    key = ["rsa:2048"],
    digest = "-sha256",
    extensions = [],
    names = [HOST],
    subject = `/CN=${HOST}`,
    days = 20,
  }: LeafOptions = {}): ServerCertificate {
    const at = (kind: string) => join(this.folder, `leaf-${this.leaves}.${kind}`);
    this.leaves += 1;
    const serial = `10${String(this.leaves).padStart(2, "0")}`;
    const request = ["req", "-new", "-newkey", ...key, "-nodes", "-keyout", at("key"), "-out", at("csr")];
    openssl([...request, "-subj", subject]);
    writeFileSync(
      at("ext"),
      [`subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`, ...extensions].join("\n"),
    );
    const sign = ["x509", "-req", "-in", at("csr"), "-CA", this.path, "-CAkey", this.key, "-days", `${days}`];
    openssl([...sign, digest, "-set_serial", `0x${serial}`, "-extfile", at("ext"), "-out", at("pem")]);
    return {
      key: readFileSync(at("key"), "utf8"),
      cert: readFileSync(at("pem"), "utf8") + this.pem, // some clients look for the issuer there
      path: at("pem"),
      serial,
    };
  }

  /** What the responder says of the certificate. `signer` is who signs it; the authority itself when absent. */
  ocsp(
    leaf: ServerCertificate,
    status: "good" | "revoked" | "unknown",
    signer: TestAuthority = this,
  ): Buffer {
    const at = (kind: string) => join(this.folder, `ocsp-${leaf.serial}-${status}.${kind}`);
    writeFileSync(at("index"), "");
    // The database of openssl-ca(1): status, end, revocation, serial, file, subject.
    const revoked = status === "revoked" ? "250101000000Z" : "";
    const row = [
      status === "good" ? "V" : "R",
      "491231235959Z",
      revoked,
      leaf.serial.toUpperCase(),
      "unknown",
      `/CN=${HOST}`,
    ];
    if (status !== "unknown") appendFileSync(at("index"), `${row.join("\t")}\n`);
    openssl(["ocsp", "-issuer", this.path, "-cert", leaf.path, "-no_nonce", "-reqout", at("req")]);
    const signing = ["-rsigner", signer.path, "-rkey", signer.key, "-CA", this.path];
    const answer = [
      "ocsp",
      "-index",
      at("index"),
      ...signing,
      "-reqin",
      at("req"),
      "-respout",
      at("der"),
      "-ndays",
      "2",
    ];
    openssl(answer);
    return readFileSync(at("der"));
  }
}
