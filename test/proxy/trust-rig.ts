import { join } from "node:path";
import type { ClientProgram, KnownClient, Trust } from "../../src/proxy/verdict/client.js";
import type { GeneralPolicy } from "../../src/proxy/verdict/decide.js";
import { LearnedFacts } from "../../src/proxy/verdict/learned-facts.js";
import { TrustBook, type TrustBookOptions } from "../../src/proxy/verdict/trust-book.js";
import { temporaryFolder } from "../temporary-folder.js";

/** A policy that shows everybody our certificate. */
export const INTERCEPT_ALL: GeneralPolicy = {
  knowledgeOf: () => "readable",
  selects: () => true,
  interception: "always",
  distrusting: "pass_through",
  pins: () => false,
  asksForCertificate: () => false,
};

export const factsFile = (): string => join(temporaryFolder(), "pins.json");

export function trustBook(options: Partial<TrustBookOptions> = {}): TrustBook {
  return new TrustBook({ facts: new LearnedFacts(factsFile()), onRefused: () => {}, ...options });
}

export function program(
  key: string,
  kind: Trust["kind"] = "unknown",
  trustInputs = "as it was",
): ClientProgram {
  return {
    key,
    name: key,
    trust: { kind, evidence: "nobody knows" },
    trustInputs,
    isWhole: true,
    advice: `tell ${key}`,
  };
}

export function client(pid: number, of: ClientProgram): KnownClient {
  return {
    owner: { kind: "process", process: { pid, startTime: 1, uid: 1000, name: of.name }, ancestors: [] },
    program: of,
  };
}
