/** Which program a process is and whether it trusts our certificate, from what the system tells of the process. */

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
/** A certificate that was made or changed meanwhile is noticed within this time. */
const LOOK_AGAIN_MS = 1_000;
const MAX_CERTIFICATE = 64 << 10;
const LOOK_LIMIT_MS = 20;

interface CertificateOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * @param certificatePath of the CA whose certificates are shown
 * @param files with other limits than those of a connection that waits
 * @param owner of that file: root looks at it with that user's rights, and does not wait for a file system that hangs
 */
export function programSource(
  native: NativeAddon,
  certificatePath: string,
  files?: ProcessFiles,
  owner: CertificateOwner = findInvokingUser(),
): ProgramSource {
  const certificate = new CertificateFile(certificatePath, owner, files);
  /** What was asked about before: reading a process costs 50 µs. */
  const asked = new LruCache<string, AskedProcess>(MAX_PROCESSES);
  const askedOf = (process: ProcessIdentity): AskedProcess | undefined => {
    const key = `${process.pid}:${process.startTime}:${process.path}`;
    const known = asked.get(key);
    if (known) return known;
    const info = native.processInfo(process.pid);
    // Another process under its pid, or another program in it, is not the one that is asked about.
    if (info === null || info.startTime !== process.startTime || info.path !== process.path) return undefined;
    const image = process.container && (process.container.image ?? process.container.id);
    const found = image === undefined ? info : { ...info, image };
    asked.set(key, found);
    return found;
  };
  return {
    async read(process) {
      if (process.path === undefined) return undefined;
      if (native.implementation !== "linux") return shared(untold(process, process.path, certificate.path));
      const info = askedOf(process);
      if (info === undefined) return undefined;
      const { key, name, trust, trustInputs, isWhole, advice } = await (await certificate.reader()).read(
        info,
      );
      return shared({ key, name, trust, trustInputs, isWhole, advice });
    },
  };
}

/** Where the system does not let us look into a process: each program is tried once. */
function untold(
  { uid, script, name }: ProcessIdentity,
  path: string,
  certificatePath: string,
): ClientProgram {
  const key = sha256([uid, path, script]);
  return {
    key,
    name: script ?? name ?? path,
    trust: { kind: "unknown", evidence: "what it trusts cannot be told on this system" },
    isWhole: true,
    trustInputs: key,
    advice: adviceForPath(path, certificatePath),
  };
}

/** One object for equal programs, so that the connections of a process can share what is made of it. */
const programs = new LruCache<string, ClientProgram>(MAX_PROCESSES);

function shared(program: ClientProgram): ClientProgram {
  const key = JSON.stringify(program);
  const known = programs.get(key);
  if (known) return known;
  programs.set(key, program);
  return program;
}

/** Our certificate, as it is now; where there is none yet, one that nobody has. */
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

  /** One look at a time: who asks meanwhile gets what it finds. */
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
    // Not found out: as it was.
    if (answer === null && this.current) return this.current;
    const found = certificateIn(answer);
    if (this.current && found?.stamp === this.stamp) return this.current;
    this.stamp = found?.stamp;
    const certificatePem = found?.pem ?? nobodysCertificate();
    this.current = new ProgramReader({
      certificatePem,
      certificatePath: this.path,
      files: this.files,
    });
    return this.current;
  }
}

function nobodysCertificate(): string {
  return makeCaCertificate(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
}

/** A regular file with one certificate, else nothing: the folder is a user's, who may put there what he likes. */
function certificateIn(answer: FileAnswer): { readonly pem: string; readonly stamp: string } | undefined {
  if (answer === null || typeof answer === "string") return undefined;
  try {
    return { pem: new X509Certificate(answer.bytes).toString(), stamp: answer.identity };
  } catch {
    return undefined; // none
  }
}
