/** The supervisor's side of the process that holds the CA's key: started when a certificate exists and is needed. */

import { type ChildProcess, spawn } from "node:child_process";
import { appendFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { identityOfFile } from "../certificates/machine-ca.js";
import type { Log } from "../log.js";
import { CA_CERTIFICATE_FILE } from "../user/settings.js";
import { PendingAnswers } from "./pending-answers.js";
import type { FromSigner, SignAnswer, SignerStart, SignRequest, ToSigner } from "./signer-protocol.js";

export interface SigningOptions extends Omit<SignerStart, "type"> {
  readonly log: Log;
  /** For tests, which run from source: the built program. */
  readonly program?: string;
  /** Milliseconds that a start may take; tests set their own. */
  readonly startLimits?: StartLimits;
}

/** Log of all signatures, one line each: time, name, and the reason for a refusal. Readable by root. */
export const SIGNED_LOG = "signed.log";
const MAX_LOG = 1 << 20;
interface StartLimits {
  /** On a busy machine; no request waits longer than this. */
  readonly requestMs: number;
  /** A signer that has sent nothing by then hangs. */
  readonly hungMs: number;
}

const START_LIMITS: StartLimits = { requestMs: 5_000, hungMs: 30_000 };
/** An answer takes some milliseconds of work; a client is waiting for it, and would rather pass unread. */
const ANSWER_MS = 2_000;
/** A signer that dies is restarted after this time at the earliest. */
const RESTART_MS = 1_000;
/** Names shown in the log. */
const MAX_LISTED = 20;

const PROGRAM = fileURLToPath(new URL("./signer-process.js", import.meta.url));
const NOT_THERE: SignAnswer = { kind: "refused", why: "the signer is not there" };
const LATE: SignAnswer = { kind: "refused", why: "the signer did not answer in time" };

/** A running signer, and the certificate for which it was started. */
interface Running {
  readonly child: ChildProcess;
  readonly identity: string;
  /** Milliseconds of `performance.now`. */
  readonly startedAt: number;
  /** Milliseconds of `performance.now` at its last message; after the first it only has to answer requests. */
  lastMessageAt: number | undefined;
}

export class Signing {
  private running: Running | undefined;
  private startedAt = Number.NEGATIVE_INFINITY;
  private document: string | undefined;
  private readonly pending = new PendingAnswers<SignAnswer>();
  private writing: Promise<unknown> = Promise.resolve();
  private closed = false;
  private readonly startLimits: StartLimits;

  constructor(private readonly options: SigningOptions) {
    this.startLimits = options.startLimits ?? START_LIMITS;
  }

  /** Starts it where there is a certificate, so that the first request need not wait for the start. */
  async prepare(): Promise<void> {
    await this.signer();
  }

  /** Sets the bundle that defines the names; kept for a signer that starts later. */
  useBundle(document: string): void {
    this.document = document;
    this.send({ type: "bundle", document });
  }

  /** Never rejects. */
  async sign(request: SignRequest): Promise<SignAnswer> {
    const answer = await this.request(request);
    this.note(request.host, answer);
    return answer;
  }

  /** Resolves when everything is logged. */
  async close(): Promise<void> {
    this.closed = true;
    this.end();
    await this.writing;
  }

  private async request(request: SignRequest): Promise<SignAnswer> {
    const signer = await this.signer();
    if (signer === undefined) return NOT_THERE;
    return this.pending.request(
      (id) => this.send({ type: "sign", id, ...request }),
      signer.lastMessageAt === undefined ? this.startLimits.requestMs : ANSWER_MS,
      () => {
        this.onLate(signer);
        return LATE;
      },
    );
  }

  /** A signer that hangs gets no more requests: the next one starts another. */
  private onLate(late: Running): void {
    // One that is starting, or meanwhile answers others, is only slow.
    if (this.running !== late) return;
    const { startedAt, lastMessageAt } = late;
    const [since, limit] =
      lastMessageAt === undefined ? [startedAt, this.startLimits.hungMs] : [lastMessageAt, ANSWER_MS];
    if (performance.now() - since < limit) return;
    late.child.kill("SIGKILL");
    this.options.log.warn("signer: it does not answer; another one is started on demand");
    this.end();
  }

  /** The running signer, if it has the key of the current certificate; else a new one. */
  private async signer(): Promise<Running | undefined> {
    const identity = await this.identity();
    if (this.closed || identity === undefined) return undefined;
    if (this.running?.identity === identity) return this.running;
    if (performance.now() - this.startedAt < RESTART_MS) return undefined;
    this.end();
    return this.start(identity);
  }

  /** Changes with the certificate's file; undefined without one. */
  private async identity(): Promise<string | undefined> {
    try {
      return identityOfFile(await stat(join(this.options.directory, CA_CERTIFICATE_FILE)));
    } catch {
      return undefined;
    }
  }

  private start(identity: string): Running {
    const { log, directory, supplement, allHosts, names, program = PROGRAM } = this.options;
    this.startedAt = performance.now();
    const child = spawn(process.execPath, ["--v8-pool-size=1", program], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      env: {},
      cwd: "/",
    });
    const started: Running = { child, identity, startedAt: this.startedAt, lastMessageAt: undefined };
    this.running = started;
    child.on("message", (message: FromSigner) => {
      started.lastMessageAt = performance.now();
      this.onMessage(message);
    });
    child.on("error", (error) => log.warn(`signer: ${error.message}`));
    child.on("exit", () => {
      if (this.running?.child !== child) return;
      this.running = undefined;
      this.pending.resolveAll(NOT_THERE);
    });
    // It keeps nothing alive: its owner ends it, and it ends with its channel.
    child.unref();
    child.channel?.unref();
    this.send({ type: "start", directory, supplement, allHosts, names });
    if (this.document !== undefined) this.send({ type: "bundle", document: this.document });
    return started;
  }

  private onMessage(message: FromSigner): void {
    const { log } = this.options;
    switch (message.type) {
      case "ready":
        if (message.confinement === "free" && process.platform === "linux")
          log.warn("signer: the kernel cannot isolate it from network and processes (seccomp)");
        return;
      case "failed":
        log.warn(`signer: ${message.why}`);
        return;
      case "list": {
        if (message.refused !== undefined) {
          log.warn(`signer: the bundle's names are rejected: ${message.refused}`);
          return;
        }
        const { length } = message.added;
        if (length === 0) return;
        const listed = message.added.slice(0, MAX_LISTED).join(", ");
        const more = length > MAX_LISTED ? `, and ${length - MAX_LISTED} more` : "";
        this.write(`names of the bundle beyond those that came with Oximy: ${message.added.join(" ")}`);
        log.debug(`signer: the bundle adds ${length} names: ${listed}${more}`);
        return;
      }
      case "answer":
        this.pending.resolve(message.id, message.answer);
    }
  }

  private note(host: string, answer: SignAnswer): void {
    const name = /^[\x21-\x7e]*$/.test(host) ? host : JSON.stringify(host);
    const { log } = this.options;
    if (answer.kind === "signed") {
      log.debug(`signer: signed for ${name}`);
      this.write(`signed ${name}`);
    } else {
      log.debug(`signer: not signed for ${name}: ${answer.why}`);
      this.write(`refused ${name}: ${answer.why}`);
    }
  }

  /** Writes lines in order; a failed write stops nothing. */
  private write(line: string): void {
    const file = join(this.options.directory, SIGNED_LOG);
    const text = `${new Date().toISOString()} ${line}\n`;
    this.writing = this.writing
      .then(async () => {
        const { size } = await stat(file).catch(() => ({ size: 0 }));
        if (size > MAX_LOG) await rename(file, `${file}.1`);
        await appendFile(file, text, { mode: 0o600 });
      })
      .catch((error: Error) => this.options.log.debug(`signer: ${error.message}`));
  }

  private send(message: ToSigner): void {
    const child = this.running?.child;
    if (child?.connected) child.send(message, () => {});
  }

  private end(): void {
    const child = this.running?.child;
    this.running = undefined;
    if (child?.connected) child.disconnect();
    this.pending.resolveAll(NOT_THERE);
  }
}
