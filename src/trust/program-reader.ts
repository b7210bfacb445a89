/** Determines which program a process runs and whether it would trust our certificate, before anything is decrypted. */

import { basename, executableName } from "../attribution/identity/identity.js";
import { entryPointOf } from "../attribution/identity/interpreter.js";
import { LruCache } from "../lru-cache.js";
import { loadNative, type ProcessInfo } from "../native/native.js";
import { adviceFor, PINNED_ADVICE } from "./advice.js";
import { BrowserStores } from "./browser-stores.js";
import { Executables } from "./executables.js";
import { NamedFiles } from "./named-files.js";
import { type PinningApp, pinningApp } from "./pinning.js";
import { type Holding, type ProgramFacts, predict, type StoreFacts } from "./predict.js";
import { type ProcessFiles, type ProgramFiles, processFiles } from "./process-files.js";
import { type Program, programKey, sha256 } from "./program.js";
import { type Runtime, runtimeOfMappings } from "./runtime.js";
import { StartTimes } from "./start-time.js";
import { SystemStores } from "./system-stores.js";
import {
  type Environment,
  FILE_VARIABLES,
  type FileVariable,
  FOLDER_VARIABLES,
  relevantVariables,
  TRUST_VARIABLES,
  type TrustOptions,
  trustOptions,
} from "./trust-variables.js";

/** The process in question: the native addon's data on it, and its app. */
export type AskedProcess = Pick<
  ProcessInfo,
  "pid" | "ppid" | "startTime" | "uid" | "path" | "commandLine"
> & {
  /** The bundle's id of the app. */
  readonly app?: string;
  /** As in `ProgramParts`. */
  readonly image?: string;
};

export interface ProgramReaderOptions {
  readonly certificatePem: string;
  /** For the advice. */
  readonly certificatePath: string;
  readonly files?: ProcessFiles;
  readonly startTimes?: StartTimes;
  /** Defaults to the native addon's. */
  readonly processInfo?: (pid: number) => ProcessInfo | null;
  readonly pinning?: readonly PinningApp[];
}

const MAX_PROCESSES = 4096;
/** Files in /proc never hang; the limit is for a busy machine. */
const PROGRAM_LIMIT_MS = 100;
const SCRIPT_LIMIT_MS = 5;
/** Browser, zygote, and what they fork. */
const MAX_ANCESTORS = 4;
/** An incomplete result, from a busy machine, is determined again after this time. */
const AGAIN_MS = 2000;

const ABSENT: Holding = { kind: "absent" };

interface Known {
  readonly program: Promise<Program>;
  /** Monotonic milliseconds; set if something could not be read. */
  again?: number;
}

export class ProgramReader {
  private readonly known = new LruCache<string, Known>(MAX_PROCESSES);
  private readonly files: ProcessFiles;
  private readonly named: NamedFiles;
  private readonly system: SystemStores;
  private readonly browsers: BrowserStores;
  private readonly executables: Executables;
  private readonly startTimes: StartTimes;
  /** By path, whether the runtime was last determined by mapped files: they are then read along with the rest. */
  private readonly runtimeFromMappings = new LruCache<string, boolean>(MAX_PROCESSES);
  private readonly processInfo: (pid: number) => ProcessInfo | null;
  private tree: Promise<string | undefined> | undefined;

  /** @throws OximyError OXIMY_E_NATIVE_MISSING when there is no native addon and no `files` */
  constructor(private readonly options: ProgramReaderOptions) {
    this.files = options.files ?? processFiles();
    this.named = new NamedFiles(this.files, options.certificatePem);
    this.system = new SystemStores(this.named);
    this.browsers = new BrowserStores(this.files, this.named);
    this.executables = new Executables(this.files);
    this.processInfo = options.processInfo ?? ((pid) => loadNative().processInfo(pid));
    this.startTimes = options.startTimes ?? new StartTimes();
  }

  /** Never rejects: an unreadable process is `unknown`. Cached by pid, start and executable. */
  read(process: AskedProcess): Promise<Program> {
    const key = `${process.pid}:${process.startTime}:${process.path}`;
    const known = this.known.get(key);
    if (known !== undefined && (known.again === undefined || performance.now() < known.again)) {
      return known.program;
    }
    const made: Known = {
      program: this.inspect(process).then((program) => {
        if (!program.isWhole) made.again = performance.now() + AGAIN_MS;
        return program;
      }),
    };
    this.known.set(key, made);
    return made.program;
  }

  private async inspect(process: AskedProcess): Promise<Program> {
    const path = process.path ?? "";
    const started = await this.files.readProgramFiles(
      process,
      TRUST_VARIABLES,
      PROGRAM_LIMIT_MS,
      this.runtimeFromMappings.get(path) ?? false,
    );
    if (started === null) return this.unread(process);
    const { executable: identity, size, tree } = started;

    const executable = await this.executables.of(process, identity, path, size);
    this.runtimeFromMappings.set(path, executable.runtime === undefined);
    const runtime = executable.runtime ?? (await this.runtimeByMappings(process, started.mapped));
    const found = started.environment ?? (await this.environmentAbove(process));
    const environment = found ?? {};
    const options = trustOptions(runtime, process.commandLine, environment);
    const pinned = pinningApp(process.app, undefined, this.options.pinning);

    const [named, stores, script, javaStore, knowsSystemVariable] = await Promise.all([
      this.namedFiles(process, environment),
      this.stores(process, runtime, environment, options, tree),
      this.script(process, started.workingDirectory),
      options.javaStore === undefined ? undefined : this.named.keystore(process, options.javaStore),
      runtime === "node" && options.systemStore === "variable"
        ? this.executables.has(process, identity, executable, "NODE_USE_SYSTEM_CA")
        : null,
    ]);
    const facts: ProgramFacts = {
      runtime,
      startedAt: this.startTimes.epochMs(process.startTime),
      environmentIsKnown: found !== undefined,
      options,
      named,
      ...(javaStore && { javaStore }),
      ...(knowsSystemVariable !== null && { knowsSystemVariable }),
      ...(pinned && { pinned }),
    };
    const key = programKey({
      uid: process.uid,
      ...(process.image !== undefined && { image: process.image }),
      executable: identity,
      ...(script !== undefined && { script }),
      environment: relevantVariables(runtime, environment),
    });
    const holdings = [...Object.values(named), ...Object.values(stores)];
    return {
      key,
      trustInputs: sha256([key, inputsOf(facts, stores)]),
      name: script === undefined ? executableName(path) || `pid ${process.pid}` : basename(script),
      runtime,
      trust: predict(facts, stores),
      advice: pinned ? PINNED_ADVICE : adviceFor(runtime, this.options.certificatePath),
      isWhole: facts.environmentIsKnown && holdings.every(({ kind }) => kind !== "unknown"),
    };
  }

  /** For a process that has ended or cannot be inspected. */
  private unread(process: AskedProcess): Program {
    const name = executableName(process.path ?? "") || `pid ${process.pid}`;
    const key = programKey({
      uid: process.uid,
      ...(process.image !== undefined && { image: process.image }),
      executable: process.path ?? `${process.pid}:${process.startTime}`,
      environment: {},
    });
    return {
      key,
      trustInputs: key,
      name,
      runtime: "unknown",
      trust: { kind: "unknown", evidence: "the process cannot be read, or has ended" },
      isWhole: false,
      advice: adviceFor("unknown", this.options.certificatePath),
    };
  }

  /**
   * Chromium's children overwrite their environment with their titles. It was inherited from the browser, which runs
   * the same executable: the nearest ancestor that still has it.
   */
  private async environmentAbove(process: AskedProcess): Promise<Environment | undefined> {
    let { ppid } = process;
    for (let level = 0; level < MAX_ANCESTORS && ppid > 1; level++) {
      const parent = this.processInfo(ppid);
      const isSame = parent?.path === process.path && parent?.uid === process.uid;
      if (parent === null || process.path === null || !isSame) return undefined;
      const files = await this.files.readProgramFiles(parent, TRUST_VARIABLES, PROGRAM_LIMIT_MS);
      if (files?.environment) return files.environment;
      ppid = parent.ppid;
    }
    return undefined;
  }

  private async runtimeByMappings(process: AskedProcess, mapped: ProgramFiles["mapped"]): Promise<Runtime> {
    return runtimeOfMappings(mapped ?? (await this.files.readMappedFiles(process, PROGRAM_LIMIT_MS)) ?? []);
  }

  private async namedFiles(process: AskedProcess, environment: Environment): Promise<ProgramFacts["named"]> {
    // Companies set a dozen of them to the same file.
    const lookups = new Map<string, Promise<Holding>>();
    const read = async (name: FileVariable, isFolder: boolean) => {
      const value = environment[name];
      // OpenSSL and Go treat an empty variable as not set.
      if (value === undefined || value === "") return [];
      const key = `${isFolder}:${value}`;
      const lookup =
        lookups.get(key) ?? (isFolder ? this.named.folders(process, value) : this.named.file(process, value));
      lookups.set(key, lookup);
      return [[name, await lookup] as const];
    };
    const found = await Promise.all([
      ...FILE_VARIABLES.map((name) => read(name, false)),
      ...FOLDER_VARIABLES.map((name) => read(name, true)),
    ]);
    return Object.fromEntries(found.flat());
  }

  private async stores(
    process: AskedProcess,
    runtime: Runtime,
    environment: Environment,
    { profile }: TrustOptions,
    tree: string,
  ): Promise<StoreFacts> {
    const isChromium = runtime === "chromium" || runtime === "electron";
    const [system, chromium, firefox, java] = await Promise.all([
      this.ownTree().then((own) => this.system.facts(process, own !== undefined && own === tree)),
      isChromium ? this.browsers.chromium(process, environment) : ABSENT,
      runtime === "firefox" ? this.browsers.firefox(process, environment, profile) : ABSENT,
      runtime === "java" ? this.java(process) : ABSENT,
    ]);
    return { ...system, chromium, firefox, java };
  }

  /** The file tree of this very process; constant while we run. */
  private async ownTree(): Promise<string | undefined> {
    this.tree ??= this.readOwnTree();
    const tree = await this.tree;
    if (tree === undefined) this.tree = undefined;
    return tree;
  }

  private async readOwnTree(): Promise<string | undefined> {
    const { pid, geteuid } = process;
    const { startTime } = this.processInfo(pid) ?? {};
    const uid = geteuid?.();
    if (startTime === undefined || uid === undefined) return undefined;
    return (await this.files.readProgramFiles({ pid, startTime, uid }, [], PROGRAM_LIMIT_MS))?.tree;
  }

  /** `bin/java` and `lib/security/cacerts`; `jre/bin/java` up to Java 8. */
  private async java(process: AskedProcess): Promise<Holding> {
    const home = /^(.+)\/bin\/[^/]+$/.exec(process.path ?? "")?.[1];
    if (home === undefined) return { kind: "unknown" };
    return this.named.keystore(process, `${home}/lib/security/cacerts`);
  }

  private async script(process: AskedProcess, workingDirectory: string): Promise<string | undefined> {
    const entry = entryPointOf(basename(process.path ?? ""), process.commandLine);
    if (entry === undefined) return undefined;
    if (entry.kind === "name") return entry.name;
    const path = entry.path.startsWith("/") ? entry.path : `${workingDirectory}/${entry.path}`;
    return (await this.files.resolveAs(process, path, SCRIPT_LIMIT_MS)) ?? path;
  }
}

/** What a trial's outcome depends on beyond the program: the contents of places, and whether they predate its start. */
function inputsOf({ named, startedAt }: ProgramFacts, stores: StoreFacts): unknown {
  const kindOf = (holding: Holding) =>
    holding.kind === "ours" && holding.since >= startedAt ? "ours, later" : holding.kind;
  return [named, stores].map((holdings) =>
    Object.entries(holdings as Record<string, Holding>)
      .map(([name, holding]) => [name, kindOf(holding)])
      .sort(),
  );
}
