/** The proxy's side of the signing: it asks for certificates and never has the CA's key. */

import { generateKeyPairSync } from "node:crypto";
import { statSync } from "node:fs";
import { type Issuer, NotSigned, type ShownLeaf } from "../certificates/leaf.js";
import { LeafContexts } from "../certificates/leaf-contexts.js";
import { identityOfFile } from "../certificates/machine-ca.js";
import type { Authority } from "../engine/authority.js";
import { LruCache } from "../lru-cache.js";
import type { SignAnswer, SignAsk } from "./signer-protocol.js";

export type AskForLeaf = (ask: SignAsk) => Promise<SignAnswer>;

const HOUR = 3_600_000;
/** A leaf is asked for anew before its staple, which is good for a day, ends. */
const KEPT_MS = 20 * HOUR;
/** A name that was refused is not asked for again for so long. */
const REFUSED_MS = 10_000;
const MAX_LEAVES = 2_000;
/** A certificate that root made meanwhile is noticed within this time. */
const LOOK_AGAIN_MS = 1_000;

interface Held {
  /** Epoch ms: in between it counts. A clock that was set back is before it. */
  readonly since: number;
  readonly until: number;
  readonly leaf: Promise<ShownLeaf>;
}

/** All leaves share one P-256 key of this process's own, made anew for each run. */
export class RemoteIssuer implements Issuer {
  private readonly key = generateKeyPairSync("ec", { namedCurve: "P-256" });
  private readonly keyPem = this.key.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  private readonly spki = this.key.publicKey.export({ type: "spki", format: "der" }).toString("base64");
  private readonly held = new LruCache<string, Held>(MAX_LEAVES);

  constructor(
    private readonly ask: AskForLeaf,
    private readonly now: () => number = Date.now,
  ) {}

  prepare(host: string, port: number): void {
    this.leafFor(host, port).catch(() => {}); // told to whoever needs it
  }

  leafFor(host: string, port: number): Promise<ShownLeaf> {
    const key = `${host}:${port}`;
    const held = this.held.get(key);
    const now = this.now();
    if (held && held.since <= now && now < held.until) return held.leaf;
    const leaf = this.fetch(host, port);
    this.hold(key, leaf, KEPT_MS);
    leaf.catch(() => this.hold(key, leaf, REFUSED_MS));
    return leaf;
  }

  private hold(key: string, leaf: Promise<ShownLeaf>, forMs: number): void {
    const since = this.now();
    this.held.set(key, { since, until: since + forMs, leaf });
  }

  private async fetch(host: string, port: number): Promise<ShownLeaf> {
    const answer = await this.ask({ host, port, key: this.spki });
    if (answer.kind === "refused") throw new NotSigned(answer.why);
    const staple = Buffer.from(answer.staple, "base64");
    const contexts = new LeafContexts(this.keyPem, answer.chain);
    return { contextFor: (terms) => contexts.contextFor(terms), staple: () => staple };
  }
}

/** The machine's CA as the proxy sees it: a certificate that everybody can read. */
export class RemoteAuthority implements Authority {
  private current: RemoteIssuer;
  private identity: string | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly certificatePath: string,
    private readonly ask: AskForLeaf,
  ) {
    this.current = new RemoteIssuer(ask);
  }

  /** It is root's to make. */
  prepare(): void {}

  exists(): boolean {
    this.look();
    return this.identity !== undefined;
  }

  issuer(): Issuer {
    this.look();
    return this.current;
  }

  /** Another certificate has another key: what the one before it signed is of no use. */
  private look(): void {
    const now = performance.now();
    if (now - this.lookedAt < LOOK_AGAIN_MS) return;
    this.lookedAt = now;
    const identity = identityOf(this.certificatePath);
    if (identity === this.identity) return;
    if (this.identity !== undefined) this.current = new RemoteIssuer(this.ask);
    this.identity = identity;
  }
}

function identityOf(path: string): string | undefined {
  try {
    return identityOfFile(statSync(path));
  } catch {
    return undefined; // out of reach is as good as none
  }
}
