/** What was learned about programs and servers, in a file that `oximy pins` shows and clears. */

import { chownSync, lstatSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readSmallFile } from "../../trust/user-file.js";

/** How a program reacted to our certificate. */
export interface LearnedTrust {
  readonly program: string;
  /** For display. */
  readonly name: string;
  /** `tried`: its only trial was inconclusive. */
  readonly outcome: "tried" | "accepted" | "refused";
  /** State of the stores at that time: when it changes, the program is tried again. */
  readonly inputs: string;
  readonly host: string;
  /** The alert, or how the client disconnected. */
  readonly how?: string;
  /** What to set for the program. */
  readonly advice: string;
  /** Epoch ms. */
  readonly until: number;
}

/** A server that requests a client certificate, as seen by one user. */
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

/** A file cleared by another process is noticed within this time. */
const LOOK_AGAIN_MS = 1_000;
const MAX_ENTRIES = 2_000;
/** Bytes; more than the maximum number of entries needs. */
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
   * @param group of the file, when the process's own group is only a mark for the redirect
   */
  constructor(
    private readonly path: string,
    private readonly now: () => number = Date.now,
    private readonly group?: number,
  ) {}

  program(key: string): LearnedTrust | undefined {
    this.reloadIfPossible();
    const fact = this.programs.get(key);
    return fact && fact.until > this.now() ? fact : undefined;
  }

  server(server: Omit<LearnedServer, "until">): LearnedServer | undefined {
    this.reloadIfPossible();
    const fact = this.servers.get(serverKey(server));
    return fact && fact.until > this.now() ? fact : undefined;
  }

  learnProgram(fact: LearnedTrust): void {
    this.reloadIfPossible();
    put(this.programs, fact.program, fact);
    this.write();
  }

  learnServer(fact: LearnedServer): void {
    this.reloadIfPossible();
    put(this.servers, serverKey(fact), fact);
    this.write();
  }

  /** The facts in force now. Throws the system's error when the file is inaccessible. */
  list(): Facts {
    this.lookedAt = 0;
    this.reload();
    return this.inForce();
  }

  /** Clears all facts, here and in the process that learned them. */
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

  /** An inaccessible file changes nothing: a connection must not fail because of it. */
  private reloadIfPossible(): void {
    try {
      this.reload();
    } catch {}
  }

  private reload(): void {
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
      // Without a writable home, facts are lost on restart; within this process they remain.
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
    return NOTHING; // just cleared, or not ours
  }
}

/** Entries with all required fields; a manually edited file may contain anything. */
function entries<T>(list: readonly T[] | undefined, needed: readonly string[]): readonly T[] {
  if (!Array.isArray(list)) return [];
  return list.slice(0, MAX_ENTRIES).filter((entry: unknown) => {
    if (typeof entry !== "object" || entry === null) return false;
    const fields = entry as Record<string, unknown>;
    return typeof fields.until === "number" && needed.every((name) => typeof fields[name] === "string");
  });
}
