/** The contents of files that programs load roots from, read with the program's view of the file system. */

import { X509Certificate } from "node:crypto";
import { LruCache } from "../lru-cache.js";
import { type CertificateSearch, searchFor } from "./certificate-search.js";
import { nssTrusts } from "./nss-database.js";
import type { Holding } from "./predict.js";
import type { ProcessFiles, ProcessRef } from "./process-files.js";

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
  private readonly search: CertificateSearch;
  private readonly der: Buffer;
  /** Whether content includes ours, by identity of the content. */
  private readonly contents = new LruCache<string, Holding["kind"]>(MAX_CONTENTS);
  /** The last identity found at a path, in any file tree: while it is the same, the file need not be read again. */
  private readonly identities = new LruCache<string, string>(MAX_CONTENTS);

  constructor(
    private readonly files: ProcessFiles,
    certificatePem: string,
  ) {
    this.search = searchFor(certificatePem);
    this.der = new X509Certificate(certificatePem).raw;
  }

  /** A file of PEM certificates, or Java's store as JKS. */
  async file(process: ProcessRef, path: string): Promise<Holding> {
    if (!path.startsWith("/")) return UNKNOWN; // relative to a folder that it may have left
    return this.inspect("file", process, path, (bytes) => (this.search.isIn(bytes) ? "ours" : "other"));
  }

  /** Java's keystore. PKCS #12 may be encrypted; then the result is unknown. */
  async keystore(process: ProcessRef, path: string): Promise<Holding> {
    if (!path.startsWith("/")) return UNKNOWN;
    return this.inspect("keystore", process, path, (bytes) => {
      if (this.search.isIn(bytes)) return "ours";
      const isJks = bytes.length >= 4 && bytes.readUInt32BE(0) === 0xfeedfeed;
      return isJks ? "other" : "unknown";
    });
  }

  /** OpenSSL folders, separated by colons. */
  async folders(process: ProcessRef, paths: string): Promise<Holding> {
    let best: Holding = OTHER;
    for (const path of paths.split(":").filter((folder) => folder !== "")) {
      const holding = await this.folder(process, path);
      if (holding.kind === "ours") return holding;
      if (holding.kind === "unknown") best = UNKNOWN;
    }
    return best;
  }

  private async folder(process: ProcessRef, path: string): Promise<Holding> {
    for (let number = 0; number < MAX_SAME_NAME; number++) {
      const holding = await this.file(process, `${path}/${this.search.subjectHash}.${number}`);
      if (holding.kind === "absent") return OTHER;
      if (holding.kind !== "other") return holding;
    }
    return OTHER;
  }

  /** An NSS database. */
  async database(process: ProcessRef, path: string): Promise<Holding> {
    return this.inspect("database", process, path, (bytes) => {
      const trusts = nssTrusts(bytes, this.der);
      return trusts === undefined ? "unknown" : trusts ? "ours" : "other";
    });
  }

  private async inspect(
    way: "file" | "keystore" | "database",
    process: ProcessRef,
    path: string,
    classify: (bytes: Buffer) => Holding["kind"],
  ): Promise<Holding> {
    const [maxBytes, limitMs] =
      way === "database" ? [MAX_DATABASE, DATABASE_LIMIT_MS] : [MAX_BYTES, FILE_LIMIT_MS];
    const before = this.before(way, path);
    const answer = await this.files.readFileAs(process, path, maxBytes, limitMs, before?.identity);
    if (answer === null) return UNKNOWN;
    if (answer === "absent") return ABSENT;
    // A folder, a device, a file of others: how the program reacts is unknown.
    if (answer === "refused") return UNKNOWN;
    const { identity, changedAt: since } = answer;
    const key = `${way}:${identity}`;
    const kind = "bytes" in answer ? (this.contents.get(key) ?? classify(answer.bytes)) : before!.kind;
    this.contents.set(key, kind);
    this.identities.set(path, identity);
    return kind === "ours" ? { kind, since } : { kind };
  }

  private before(way: string, path: string): { identity: string; kind: Holding["kind"] } | undefined {
    const identity = this.identities.get(path);
    const kind = identity === undefined ? undefined : this.contents.get(`${way}:${identity}`);
    return identity === undefined || kind === undefined ? undefined : { identity, kind };
  }
}
