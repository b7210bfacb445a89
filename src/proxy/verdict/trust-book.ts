/**
 * How programs react to our certificate. A program is tried once, for all hosts; a refusal overrides the prediction,
 * and stands until the program, its environment or the stores change, or it expires.
 */

import { LruCache } from "../../lru-cache.js";
import { type ClientProgram, type KnownClient, processKey } from "./client.js";
import type { LearnedFacts, LearnedTrust } from "./learned-facts.js";

/**
 * The state of a program: `trying` while one of its connections is on trial or under suspicion; `tried` when its only
 * trial was inconclusive.
 */
export type Standing = "untried" | "trying" | "tried" | "accepted" | "refused";

/** How an intercepted connection ended, with regard to the client's trust. */
export type HandshakeEnd =
  /** An alert that blames our certificate. */
  | { readonly kind: "alert"; readonly alert: string }
  /** It disconnected after receiving our whole certificate flight, without a Finished (Node on TLS 1.3). */
  | { readonly kind: "left_after_certificate" }
  /** It disconnected right after the handshake without a byte (Node on TLS 1.2). */
  | { readonly kind: "left_unused" }
  /** Anything else: it disconnected before receiving our certificate, or stayed connected and sent nothing. */
  | { readonly kind: "inconclusive" };

export type Judgement =
  | { readonly kind: "refused"; readonly how: string }
  | { readonly kind: "inconclusive" };

/** One interception of a client, from the handshake to its end. */
export interface Attempt {
  /** Our certificate is about to be presented: a trial is used up from here on, whatever happens. */
  shown(): void;
  /** The client sent data under our certificate: it accepts it. */
  succeeded(): void;
  /** Resolves when the end is judged; immediately, unless it was silent. */
  end(how: HandshakeEnd): Promise<Judgement>;
}

export interface TrustBookOptions {
  readonly facts: LearnedFacts;
  /** A program refused our certificate for the first time. */
  readonly onRefused: (client: KnownClient, host: string, how: string) => void;
  /** How long a silent end waits for a success of the same process, which exonerates it; 2 s. */
  readonly settleMs?: number;
  readonly now?: () => number;
}

/** How a process has reacted to our certificate so far. */
interface ProcessRecord {
  hasSucceeded: boolean;
  /** Its open connections with data under our certificate. */
  inUse: number;
  /** Silent ends waiting for judgement. */
  readonly doubts: Set<(judgement: "refused" | "cleared") => void>;
}

const SETTLE_MS = 2_000;
const EXPIRY_MS = 30 * 24 * 3_600_000;
const MAX_PROCESSES = 4_096;

const SILENT: Record<"left_after_certificate" | "left_unused", string> = {
  left_after_certificate: "closed after our certificate",
  left_unused: "closed in silence",
};
const INCONCLUSIVE: Judgement = { kind: "inconclusive" };

export class TrustBook {
  private readonly processes = new LruCache<string, ProcessRecord>(MAX_PROCESSES);
  /** Connections of a program that are on trial or under suspicion. */
  private readonly trying = new Map<string, number>();
  private readonly now: () => number;

  constructor(private readonly options: TrustBookOptions) {
    this.now = options.now ?? Date.now;
  }

  standing(program: ClientProgram | undefined): Standing {
    if (program === undefined) return "untried";
    const outcome = this.learned(program)?.outcome;
    if (outcome === "refused" || outcome === "accepted") return outcome;
    if (this.trying.has(program.key)) return "trying";
    return outcome ?? "untried";
  }

  /** Starts an interception. During a trial, other connections of the program are not tried. */
  begin(client: KnownClient, host: string, kind: "trial" | "trusted"): Attempt {
    const { program } = client;
    const record = this.recordOf(client);
    if (kind === "trial" && program) this.hold(program);
    let isOnTrial = kind === "trial";
    let isInUse = false;
    const endTrial = () => {
      if (isOnTrial && program) this.release(program);
      isOnTrial = false;
    };
    return {
      shown: () => {
        if (isOnTrial && program) this.learn(program, host, "tried");
      },
      succeeded: () => {
        if (isInUse) return;
        isInUse = true;
        record.inUse++;
        this.accepted(record, program, host);
        endTrial();
      },
      end: async (how) => {
        if (isInUse) record.inUse--;
        try {
          return await this.judge(client, record, host, how);
        } finally {
          endTrial();
        }
      },
    };
  }

  /** Judges all pending ends now: nothing more will come. */
  settle(): void {
    for (const key of this.processes.recentKeys()) {
      for (const doubt of [...(this.processes.peek(key)?.doubts ?? [])]) doubt("refused");
    }
  }

  private async judge(
    client: KnownClient,
    record: ProcessRecord,
    host: string,
    how: HandshakeEnd,
  ): Promise<Judgement> {
    if (how.kind === "inconclusive") return INCONCLUSIVE;
    if (how.kind === "alert") return this.refused(client, host, how.alert);
    // A surplus connection of a process that trusts us ends the same way (Go and hyper dial more than they use).
    if (record.hasSucceeded || record.inUse > 0) return INCONCLUSIVE;
    if (client.program) this.hold(client.program);
    const judgement = await this.doubt(record);
    if (client.program) this.release(client.program);
    return judgement === "refused" ? this.refused(client, host, SILENT[how.kind]) : INCONCLUSIVE;
  }

  private doubt(record: ProcessRecord): Promise<"refused" | "cleared"> {
    return new Promise((resolve) => {
      const settle = (judgement: "refused" | "cleared") => {
        clearTimeout(timer);
        record.doubts.delete(settle);
        resolve(judgement);
      };
      const timer = setTimeout(() => settle("refused"), this.options.settleMs ?? SETTLE_MS);
      record.doubts.add(settle);
    });
  }

  private accepted(record: ProcessRecord, program: ClientProgram | undefined, host: string): void {
    record.hasSucceeded = true;
    for (const doubt of [...record.doubts]) doubt("cleared");
    // Predictions need not be stored; the results of trials and refusals do.
    if (!program || this.learned(program)?.outcome === "accepted") return;
    if (program.trust.kind !== "trusts" || this.learned(program)) this.learn(program, host, "accepted");
  }

  private refused(client: KnownClient, host: string, how: string): Judgement {
    const { program } = client;
    const isNews = program !== undefined && this.learned(program)?.outcome !== "refused";
    if (isNews) {
      this.learn(program, host, "refused", how);
      this.options.onRefused(client, host, how);
    }
    return { kind: "refused", how };
  }

  private learned(program: ClientProgram): LearnedTrust | undefined {
    const fact = this.options.facts.program(program.key);
    return fact?.inputs === program.trustInputs ? fact : undefined;
  }

  private learn(
    { key, name, trustInputs, advice }: ClientProgram,
    host: string,
    outcome: LearnedTrust["outcome"],
    how?: string,
  ): void {
    this.options.facts.learnProgram({
      program: key,
      name,
      outcome,
      inputs: trustInputs,
      host,
      ...(how === undefined ? {} : { how }),
      advice,
      until: this.now() + EXPIRY_MS,
    });
  }

  private hold({ key }: ClientProgram): void {
    this.trying.set(key, (this.trying.get(key) ?? 0) + 1);
  }

  private release({ key }: ClientProgram): void {
    const left = (this.trying.get(key) ?? 1) - 1;
    if (left > 0) this.trying.set(key, left);
    else this.trying.delete(key);
  }

  /** An unknown process gets a record of its own, which is not shared. */
  private recordOf(client: KnownClient): ProcessRecord {
    const key = processKey(client);
    const known = key === undefined ? undefined : this.processes.get(key);
    if (known) return known;
    const record: ProcessRecord = { hasSucceeded: false, inUse: 0, doubts: new Set() };
    if (key !== undefined) this.processes.set(key, record);
    return record;
  }
}
