/** Servers that request a client certificate, learned by user and address, and only from verified servers. */

import type { Endpoint } from "../../connection/client.js";
import type { KnownClient } from "./client.js";
import type { LearnedFacts, LearnedServer } from "./learned-facts.js";

const EXPIRY_MS = 3_600_000;

export class ServerFacts {
  constructor(
    private readonly facts: LearnedFacts,
    private readonly now: () => number = Date.now,
  ) {}

  asksForCertificate(client: KnownClient, host: string, server: Endpoint): boolean {
    const key = keyOf(client, host, server);
    return key !== undefined && this.facts.server(key) !== undefined;
  }

  learn(client: KnownClient, host: string, server: Endpoint): void {
    const key = keyOf(client, host, server);
    if (key) this.facts.learnServer({ ...key, until: this.now() + EXPIRY_MS });
  }
}

/** Nothing is learned for an unknown user. */
function keyOf(
  { owner }: KnownClient,
  host: string,
  { address, port }: Endpoint,
): Omit<LearnedServer, "until"> | undefined {
  const uid = owner.kind === "process" ? owner.process.uid : owner.uid;
  return uid === undefined ? undefined : { uid, host, address, port };
}
