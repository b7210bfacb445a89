/** What was learned of programs and servers, in a file that `oximy pins` shows and clears. */

import { chownSync, lstatSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readSmallFile } from "../../trust/user-file.js";

/** What became of our certificate with a program. */
export interface LearnedTrust {
  readonly program: string;
  /** For people. */
  readonly name: string;
  /** `tried`: its one trial told nothing. */
  readonly outcome: "tried" | "accepted" | "refused";
  /** What the stores held then: when that changes, the program is tried again. */
  readonly inputs: string;
  readonly host: string;
  /** The alert, or how it went away. */
  readonly how?: string;
  /** What to set for the program. */
  readonly advice: string;
  /** Epoch ms. */
  readonly until: number;
}

/** A server that asks for a client certificate, as one user met it. */
export interface LearnedServer {
  readonly uid: number;
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly until: number;
}

interface Facts {
  readonly programs: readonly LearnedTrust[];
  readonly servers: readonly LearnedServer[];
}

/** A file that another process cleared is noticed within this time. */
const LOOK_AGAIN_MS = 1_000;
const MAX_ENTRIES = 2_000;
/** Bytes; more than all entries have. */
const LARGEST = 4 << 20;

const serverKey = ({ uid, host, address, port }: Omit<LearnedServer, "until">) =>
  [uid, host, address, port].join("\n");

export class LearnedFacts {
  private programs = new Map<string, LearnedTrust>();
  private servers = new Map<string, LearnedServer>();
  private lookedAt = 0;
  private modifiedAt: number | undefined;

  /**
   * @param path the file, which need not exist
   * @param group of the file, where the process's own is only a mark for the redirect
   */
  constructor(
    private readonly path: string,
    private readonly now: () => number = Date.now,
    private readonly group?: number,
  ) {}

  program(key: string): LearnedTrust | undefined {
    this.lookIfPossible();
    const fact = this.programs.get(key);
    return fact && fact.until > this.now() ? fact : undefined;
  }

  server(server: Omit<LearnedServer, "until">): LearnedServer | undefined {
    this.lookIfPossible();
    const fact = this.servers.get(serverKey(server));
    return fact && fact.until > this.now() ? fact : undefined;
  }

  learnProgram(fact: LearnedTrust): void {
    this.lookIfPossible();
    put(this.programs, fact.program, fact);
    this.write();
  }

  learnServer(fact: LearnedServer): void {
    this.lookIfPossible();
    put(this.servers, serverKey(fact), fact);
    this.write();
  }

  /** What is in force now. Throws the system's error when the file is out of reach. */
  list(): Facts {
    this.lookedAt = 0;
    this.look();
    return this.inForce();
  }

  /** Forgets all of them, here and in the process that learned them. */
  clear(): void {
    this.programs.clear();
    this.servers.clear();
    rmSync(this.path, { force: true });
  }

  private inForce(): Facts {
    const isInForce = ({ until }: { readonly until: number }) => until > this.now();
    return {
      programs: [...this.programs.values()].filter(isInForce),
      servers: [...this.servers.values()].filter(isInForce),
    };
  }

  /** A file that is out of reach changes nothing: a connection must not fail for it. */
  private lookIfPossible(): void {
    try {
      this.look();
    } catch {}
  }

  private look(): void {
    if (this.now() - this.lookedAt < LOOK_AGAIN_MS) return;
    this.lookedAt = this.now();
    const modifiedAt = lstatSync(this.path, { throwIfNoEntry: false })?.mtimeMs;
    if (modifiedAt === this.modifiedAt) return;
    this.modifiedAt = modifiedAt;
    const { programs, servers } = modifiedAt === undefined ? NOTHING : readFacts(this.path);
    this.programs = new Map(programs.map((fact) => [fact.program, fact]));
    this.servers = new Map(servers.map((fact) => [serverKey(fact), fact]));
  }

  private write(): void {
    const temporary = `${this.path}.${process.pid}.tmp`;
    try {
      rmSync(temporary, { force: true });
      writeFileSync(temporary, JSON.stringify(this.inForce(), null, 2), { mode: 0o600, flag: "wx" });
      if (this.group !== undefined) chownSync(temporary, -1, this.group);
      renameSync(temporary, this.path);
      this.modifiedAt = lstatSync(this.path).mtimeMs;
    } catch {
      // A home that cannot be written costs the memory over restarts; the facts themselves are in this process.
    }
  }
}

const NOTHING: Facts = { programs: [], servers: [] };

function put<T>(facts: Map<string, T>, key: string, fact: T): void {
  facts.delete(key);
  if (facts.size >= MAX_ENTRIES) facts.delete(facts.keys().next().value as string);
  facts.set(key, fact);
}

function readFacts(path: string): Facts {
  try {
    const found = readSmallFile(path, LARGEST);
    if (found.kind !== "text") return NOTHING;
    const read = JSON.parse(found.text) as Partial<Facts> | null;
    return {
      programs: entries(read?.programs, ["program", "outcome", "inputs"]),
      servers: entries(read?.servers, ["host", "address"]),
    };
  } catch {
    return NOTHING; // cleared in this moment, or not ours
  }
}

/** Those that have all that is needed; a hand that edited the file may have left anything. */
function entries<T>(list: readonly T[] | undefined, needed: readonly string[]): readonly T[] {
  if (!Array.isArray(list)) return [];
  return list.slice(0, MAX_ENTRIES).filter((entry: unknown) => {
    if (typeof entry !== "object" || entry === null) return false;
    const fields = entry as Record<string, unknown>;
    return typeof fields.until === "number" && needed.every((name) => typeof fields[name] === "string");
  });
}
