/** What the files that programs take their roots from hold, read as the program would read them. */

import { X509Certificate } from "node:crypto";
import { LruCache } from "../lru-cache.js";
import { type CertificateSearch, searchFor } from "./certificate-search.js";
import { nssTrusts } from "./nss-database.js";
import type { Holding } from "./predict.js";
import type { FileAnswer, ProcessFiles, ProcessRef } from "./process-files.js";

const MAX_BYTES = 1 << 20;
const MAX_DATABASE = 16 << 20;
const MAX_CONTENTS = 512;
/** OpenSSL numbers certificates whose names have the same hash. */
const MAX_SAME_NAME = 4;
/** Limits of one file, and of one database, in milliseconds. */
const FILE_LIMIT_MS = 5;
const DATABASE_LIMIT_MS = 50;

const UNKNOWN: Holding = { kind: "unknown" };
const ABSENT: Holding = { kind: "absent" };
const OTHER: Holding = { kind: "other" };

export class NamedFiles {
  readonly #search: CertificateSearch;
  readonly #der: Buffer;
  /** Whether content has ours, by what names the content. */
  readonly #contents = new LruCache<string, Holding["kind"]>(MAX_CONTENTS);

  constructor(
    private readonly files: ProcessFiles,
    certificatePem: string,
  ) {
    this.#search = searchFor(certificatePem);
    this.#der = new X509Certificate(certificatePem).raw;
  }

  /** A file of PEM certificates, or Java's store as JKS. */
  async file(process: ProcessRef, path: string): Promise<Holding> {
    if (!path.startsWith("/")) return UNKNOWN; // from a folder that it may have left
    const answer = await this.files.readFileAs(process, path, MAX_BYTES, FILE_LIMIT_MS);
    return this.#holding("file", answer, (bytes) => (this.#search.isIn(bytes) ? "ours" : "other"));
  }

  /** Java's keystore. PKCS #12 may be encrypted; then nothing can be said. */
  async keystore(process: ProcessRef, path: string): Promise<Holding> {
    if (!path.startsWith("/")) return UNKNOWN;
    const answer = await this.files.readFileAs(process, path, MAX_BYTES, FILE_LIMIT_MS);
    return this.#holding("keystore", answer, (bytes) => {
      if (this.#search.isIn(bytes)) return "ours";
      const isJks = bytes.length >= 4 && bytes.readUInt32BE(0) === 0xfeedfeed;
      return isJks ? "other" : "unknown";
    });
  }

  /** Folders of OpenSSL, separated by colons. */
  async folders(process: ProcessRef, paths: string): Promise<Holding> {
    let best: Holding = OTHER;
    for (const path of paths.split(":").filter((folder) => folder !== "")) {
      const holding = await this.#folder(process, path);
      if (holding.kind === "ours") return holding;
      if (holding.kind === "unknown") best = UNKNOWN;
    }
    return best;
  }

  async #folder(process: ProcessRef, path: string): Promise<Holding> {
    for (let number = 0; number < MAX_SAME_NAME; number++) {
      const holding = await this.file(process, `${path}/${this.#search.subjectHash}.${number}`);
      if (holding.kind === "absent") return OTHER;
      if (holding.kind !== "other") return holding;
    }
    return OTHER;
  }

  /** An NSS database. */
  async database(process: ProcessRef, path: string): Promise<Holding> {
    const answer = await this.files.readFileAs(process, path, MAX_DATABASE, DATABASE_LIMIT_MS);
    return this.#holding("database", answer, (bytes) => {
      const trusts = nssTrusts(bytes, this.#der);
      return trusts === undefined ? "unknown" : trusts ? "ours" : "other";
    });
  }

  #holding(way: string, answer: FileAnswer, look: (bytes: Buffer) => Holding["kind"]): Holding {
    if (answer === null) return UNKNOWN;
    if (answer === "absent") return ABSENT;
    // A folder, a device, a file for others: what the program makes of it is its own affair.
    if (answer === "refused") return UNKNOWN;
    const key = `${way}:${answer.identity}`;
    const kind = this.#contents.get(key) ?? look(answer.bytes);
    this.#contents.set(key, kind);
    return kind === "ours" ? { kind, since: answer.changedAt } : { kind };
  }
}
