/** The certificate authority of a capture, made when it is first needed: where all is read, nobody needs one. */

import { statSync } from "node:fs";
import { join } from "node:path";
import { type CertificateAuthority, openCa } from "../certificates/ca.js";
import { type Issuer, LeafIssuer } from "../certificates/leaf.js";
import { CA_CERTIFICATE_FILE } from "../user/settings.js";

/** A certificate that another process made is noticed within this time. */
const LOOK_AGAIN_MS = 1_000;

export interface Authority {
  /** Whether there is one that anybody could trust; makes none. */
  exists(): boolean;
  /** Programs are about to be shown its certificates. */
  prepare(): void;
  issuer(): Issuer;
}

/** One of the user's own, whose key this process reads. */
export class LazyAuthority implements Authority {
  private opened: { readonly ca: CertificateAuthority; readonly issuer: LeafIssuer } | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private isThere = false;

  /** @param directory where it is kept, which need not exist */
  constructor(private readonly directory: string) {}

  exists(): boolean {
    if (this.opened) return true;
    const now = performance.now();
    if (now - this.lookedAt < LOOK_AGAIN_MS) return this.isThere;
    this.lookedAt = now;
    try {
      this.isThere =
        statSync(join(this.directory, CA_CERTIFICATE_FILE), { throwIfNoEntry: false }) !== undefined;
    } catch {
      this.isThere = false; // a folder that is out of reach has none that we could use
    }
    return this.isThere;
  }

  /** Makes it. Throws OXIMY_E_CA. */
  prepare(): void {
    this.open();
  }

  /** Opens it, or makes it. Throws OXIMY_E_CA. */
  open(): CertificateAuthority {
    if (!this.opened) {
      const ca = openCa(this.directory);
      this.opened = { ca, issuer: new LeafIssuer(ca) };
    }
    return this.opened.ca;
  }

  issuer(): LeafIssuer {
    this.open();
    return this.opened!.issuer;
  }
}
