/** The proxy's side of signing: it requests certificates and never has the CA's key. */

import { generateKeyPairSync } from "node:crypto";
import { statSync } from "node:fs";
import { type Issuer, NotSigned, type ShownLeaf } from "../certificates/leaf.js";
import { LeafContexts } from "../certificates/leaf-contexts.js";
import { identityOfFile } from "../certificates/machine-ca.js";
import type { Authority } from "../engine/authority.js";
import { LruCache } from "../lru-cache.js";
import type { SignAnswer, SignRequest } from "./signer-protocol.js";

export type RequestLeaf = (request: SignRequest) => Promise<SignAnswer>;

const HOUR = 3_600_000;
/** A leaf is replaced before its staple, which is valid for a day, expires. */
const KEPT_MS = 20 * HOUR;
/** How long a refused name is not requested again. */
const REFUSED_MS = 10_000;
const MAX_LEAVES = 2_000;
/** A new certificate made by root is noticed within this time. */
const LOOK_AGAIN_MS = 1_000;

interface Held {
  /** Epoch ms: valid in between. A clock that was set back is before it. */
  readonly since: number;
  readonly until: number;
  readonly leaf: Promise<ShownLeaf>;
}

/** All leaves share one P-256 key of this process, generated at each start. */
export class RemoteIssuer implements Issuer {
  private readonly key = generateKeyPairSync("ec", { namedCurve: "P-256" });
  private readonly keyPem = this.key.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  private readonly spki = this.key.publicKey.export({ type: "spki", format: "der" }).toString("base64");
  private readonly held = new LruCache<string, Held>(MAX_LEAVES);

  constructor(
    private readonly request: RequestLeaf,
    private readonly now: () => number = Date.now,
  ) {}

  prepare(host: string, port: number): void {
    this.leafFor(host, port).catch(() => {}); // reported to the caller that needs it
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
    const answer = await this.request({ host, port, key: this.spki });
    if (answer.kind === "refused") throw new NotSigned(answer.why);
    const staple = Buffer.from(answer.staple, "base64");
    const contexts = new LeafContexts(this.keyPem, answer.chain);
    return { contextFor: (terms) => contexts.contextFor(terms), staple: () => staple };
  }
}

/** The machine's CA as the proxy sees it: a world-readable certificate. */
export class RemoteAuthority implements Authority {
  private current: RemoteIssuer;
  private identity: string | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly certificatePath: string,
    private readonly request: RequestLeaf,
  ) {
    this.current = new RemoteIssuer(request);
  }

  /** Only root can create it. */
  prepare(): void {}

  exists(): boolean {
    this.look();
    return this.identity !== undefined;
  }

  issuer(): Issuer {
    this.look();
    return this.current;
  }

  /** Another certificate has another key: leaves signed by the previous one are useless. */
  private look(): void {
    const now = performance.now();
    if (now - this.lookedAt < LOOK_AGAIN_MS) return;
    this.lookedAt = now;
    const identity = identityOf(this.certificatePath);
    if (identity === this.identity) return;
    if (this.identity !== undefined) this.current = new RemoteIssuer(this.request);
    this.identity = identity;
  }
}

function identityOf(path: string): string | undefined {
  try {
    return identityOfFile(statSync(path));
  } catch {
    return undefined; // inaccessible is as good as none
  }
}
