/** The supervisor's end of the process that holds the CA's key: started when a certificate is there and wanted. */

import { type ChildProcess, spawn } from "node:child_process";
import { appendFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { identityOfFile } from "../certificates/machine-ca.js";
import type { Log } from "../log.js";
import { CA_CERTIFICATE_FILE } from "../user/settings.js";
import { PendingAnswers } from "./pending-answers.js";
import type { FromSigner, SignAnswer, SignAsk, SignerStart, ToSigner } from "./signer-protocol.js";

export interface SigningOptions extends Omit<SignerStart, "type"> {
  readonly log: Log;
  /** In tests, which run from source, the one that was built. */
  readonly program?: string;
  /** Milliseconds that a start may take, in tests others than here. */
  readonly startLimits?: StartLimits;
}

/** All that was signed, a line each: time, name, and why not where it was refused. For root to read. */
export const SIGNED_LOG = "signed.log";
const MAX_LOG = 1 << 20;
interface StartLimits {
  /** On a busy machine; nobody waits longer for an answer. */
  readonly askMs: number;
  /** One that has said nothing by then hangs. */
  readonly hungMs: number;
}

const START_LIMITS: StartLimits = { askMs: 5_000, hungMs: 30_000 };
/** An answer is some milliseconds of work; a client waits for it, and would rather pass unread. */
const ANSWER_MS = 2_000;
/** A signer that dies is not started again sooner. */
const RESTART_MS = 1_000;
/** What is said of a list. */
const MAX_TOLD = 20;

const PROGRAM = fileURLToPath(new URL("./signer-process.js", import.meta.url));
const NOT_THERE: SignAnswer = { kind: "refused", why: "the signer is not there" };
const LATE: SignAnswer = { kind: "refused", why: "the signer did not answer in time" };

/** A running signer, and the certificate for which it was started. */
interface Running {
  readonly child: ChildProcess;
  readonly identity: string;
  /** Milliseconds of `performance.now`. */
  readonly startedAt: number;
  /** Milliseconds of `performance.now` at which it last said something; from the first on it has only to answer. */
  heardAt: number | undefined;
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

  /** Starts it where there is a certificate, so that the first who asks need not wait for the start. */
  async prepare(): Promise<void> {
    await this.signer();
  }

  /** The bundle by which names are known; kept for a signer that starts later. */
  useBundle(document: string): void {
    this.document = document;
    this.tell({ type: "bundle", document });
  }

  /** Never rejects. */
  async sign(ask: SignAsk): Promise<SignAnswer> {
    const answer = await this.ask(ask);
    this.note(ask.host, answer);
    return answer;
  }

  /** Resolves when all is noted. */
  async close(): Promise<void> {
    this.closed = true;
    this.end();
    await this.writing;
  }

  private async ask(ask: SignAsk): Promise<SignAnswer> {
    const asked = await this.signer();
    if (asked === undefined) return NOT_THERE;
    return this.pending.ask(
      (id) => this.tell({ type: "sign", id, ...ask }),
      asked.heardAt === undefined ? this.startLimits.askMs : ANSWER_MS,
      () => {
        this.onLate(asked);
        return LATE;
      },
    );
  }

  /** One that hangs is not asked again: who comes next has another one started. */
  private onLate(late: Running): void {
    // One that starts, or answers others meanwhile, is only slow.
    if (this.running !== late) return;
    const { startedAt, heardAt } = late;
    const [since, limit] =
      heardAt === undefined ? [startedAt, this.startLimits.hungMs] : [heardAt, ANSWER_MS];
    if (performance.now() - since < limit) return;
    late.child.kill("SIGKILL");
    this.options.log.warn("signer: it does not answer; another one is started when it is needed");
    this.end();
  }

  /** The one that runs, if it has the key of the certificate that is there now; else a new one. */
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
    const started: Running = { child, identity, startedAt: this.startedAt, heardAt: undefined };
    this.running = started;
    child.on("message", (message: FromSigner) => {
      started.heardAt = performance.now();
      this.onMessage(message);
    });
    child.on("error", (error) => log.warn(`signer: ${error.message}`));
    child.on("exit", () => {
      if (this.running?.child !== child) return;
      this.running = undefined;
      this.pending.answerAll(NOT_THERE);
    });
    // Nothing waits for it: whoever runs it ends it, and it ends with its channel.
    child.unref();
    child.channel?.unref();
    this.tell({ type: "start", directory, supplement, allHosts, names });
    if (this.document !== undefined) this.tell({ type: "bundle", document: this.document });
    return started;
  }

  private onMessage(message: FromSigner): void {
    const { log } = this.options;
    switch (message.type) {
      case "ready":
        if (message.confinement === "free" && process.platform === "linux")
          log.warn("signer: the kernel does not let it be kept from network and processes (seccomp)");
        return;
      case "failed":
        log.warn(`signer: ${message.why}`);
        return;
      case "list": {
        if (message.refused !== undefined) {
          log.warn(`signer: the bundle's names are not taken: ${message.refused}`);
          return;
        }
        const { length } = message.added;
        if (length === 0) return;
        const told = message.added.slice(0, MAX_TOLD).join(", ");
        const more = length > MAX_TOLD ? `, and ${length - MAX_TOLD} more` : "";
        this.write(`names of the bundle beyond those that came with Oximy: ${message.added.join(" ")}`);
        log.debug(`signer: the bundle adds ${length} names: ${told}${more}`);
        return;
      }
      case "answer":
        this.pending.answer(message.id, message.answer);
    }
  }

  private note(host: string, answer: SignAnswer): void {
    const told = /^[\x21-\x7e]*$/.test(host) ? host : JSON.stringify(host);
    const { log } = this.options;
    if (answer.kind === "signed") {
      log.debug(`signer: signed for ${told}`);
      this.write(`signed ${told}`);
    } else {
      log.debug(`signer: not signed for ${told}: ${answer.why}`);
      this.write(`refused ${told}: ${answer.why}`);
    }
  }

  /** One line after the other; what cannot be written stops nothing. */
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

  private tell(message: ToSigner): void {
    const child = this.running?.child;
    if (child?.connected) child.send(message, () => {});
  }

  private end(): void {
    const child = this.running?.child;
    this.running = undefined;
    if (child?.connected) child.disconnect();
    this.pending.answerAll(NOT_THERE);
  }
}
