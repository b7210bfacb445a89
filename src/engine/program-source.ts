/** Determines a process's program and whether it trusts our certificate, from what the system reports about it. */

import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import { makeCaCertificate } from "../certificates/ca.js";
import type { ProcessIdentity } from "../connection/client.js";
import { LruCache } from "../lru-cache.js";
import type { NativeAddon } from "../native/native.js";
import type { ClientProgram } from "../proxy/verdict/client.js";
import { adviceForPath } from "../trust/advice.js";
import { type FileAnswer, type ProcessFiles, processFiles } from "../trust/process-files.js";
import { sha256 } from "../trust/program.js";
import { type AskedProcess, ProgramReader } from "../trust/program-reader.js";
import { findInvokingUser } from "../user/invoking-user.js";
import type { ProgramSource } from "./identify.js";

const MAX_PROCESSES = 4_096;
/** How long a look at the certificate is cached. */
const LOOK_AGAIN_MS = 1_000;
const MAX_CERTIFICATE = 64 << 10;
const LOOK_LIMIT_MS = 20;

interface CertificateOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * @param certificatePath of the CA whose certificates are shown
 * @param files for limits other than those of a waiting connection
 * @param owner of that file: root reads it with that user's rights, and does not wait for a file system that hangs
 */
export function programSource(
  native: NativeAddon,
  certificatePath: string,
  files?: ProcessFiles,
  owner: CertificateOwner = findInvokingUser(),
): ProgramSource {
  const certificate = new CertificateFile(certificatePath, owner, files);
  /** Reading a process costs 50 µs. */
  const processes = new LruCache<string, AskedProcess>(MAX_PROCESSES);
  const processOf = (process: ProcessIdentity): AskedProcess | undefined => {
    const key = `${process.pid}:${process.startTime}:${process.path}`;
    const known = processes.get(key);
    if (known) return known;
    const info = native.processInfo(process.pid);
    // The pid was reused, or the process executed another program.
    if (info === null || info.startTime !== process.startTime || info.path !== process.path) return undefined;
    const image = process.container && (process.container.image ?? process.container.id);
    const found = image === undefined ? info : { ...info, image };
    processes.set(key, found);
    return found;
  };
  return {
    async read(process) {
      if (process.path === undefined) return undefined;
      if (native.implementation !== "linux")
        return shared(unexamined(process, process.path, certificate.path));
      const info = processOf(process);
      if (info === undefined) return undefined;
      const { key, name, trust, trustInputs, isWhole, advice } = await (await certificate.reader()).read(
        info,
      );
      return shared({ key, name, trust, trustInputs, isWhole, advice });
    },
  };
}

/** For systems that do not let us look into a process: each program is tried once. */
function unexamined(
  { uid, script, name }: ProcessIdentity,
  path: string,
  certificatePath: string,
): ClientProgram {
  const key = sha256([uid, path, script]);
  return {
    key,
    name: script ?? name ?? path,
    trust: { kind: "unknown", evidence: "what it trusts cannot be determined on this system" },
    isWhole: true,
    trustInputs: key,
    advice: adviceForPath(path, certificatePath),
  };
}

/** One object for equal programs, so that the connections of a process can share what is derived from it. */
const programs = new LruCache<string, ClientProgram>(MAX_PROCESSES);

function shared(program: ClientProgram): ClientProgram {
  const key = JSON.stringify(program);
  const known = programs.get(key);
  if (known) return known;
  programs.set(key, program);
  return program;
}

/** Our current certificate; until there is one, a throwaway that nobody trusts. */
class CertificateFile {
  private lookedAt = Number.NEGATIVE_INFINITY;
  private stamp: string | undefined;
  private current: ProgramReader | undefined;
  private looking: Promise<ProgramReader> | undefined;

  constructor(
    readonly path: string,
    private readonly owner: CertificateOwner,
    private readonly files: ProcessFiles = processFiles(),
  ) {}

  /** One look at a time: concurrent callers share its result. */
  reader(): Promise<ProgramReader> {
    this.looking ??= this.look().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  private async look(): Promise<ProgramReader> {
    const now = performance.now();
    if (this.current && now - this.lookedAt < LOOK_AGAIN_MS) return this.current;
    this.lookedAt = now;
    const answer = await this.files.readFileOf(
      this.owner,
      resolve(this.path),
      MAX_CERTIFICATE,
      LOOK_LIMIT_MS,
    );
    // Undetermined: keep the current one.
    if (answer === null && this.current) return this.current;
    const found = certificateIn(answer);
    if (this.current && found?.stamp === this.stamp) return this.current;
    this.stamp = found?.stamp;
    const certificatePem = found?.pem ?? throwawayCertificate();
    this.current = new ProgramReader({
      certificatePem,
      certificatePath: this.path,
      files: this.files,
    });
    return this.current;
  }
}

function throwawayCertificate(): string {
  return makeCaCertificate(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
}

/** A regular file with one certificate, else nothing: the folder is a user's and may contain anything. */
function certificateIn(answer: FileAnswer): { readonly pem: string; readonly stamp: string } | undefined {
  if (answer === null || typeof answer === "string") return undefined;
  try {
    return { pem: new X509Certificate(answer.bytes).toString(), stamp: answer.identity };
  } catch {
    return undefined; // not a certificate
  }
}
