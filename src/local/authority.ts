/** The certificate authority of a capture, made when it is first needed: where all is read, nobody needs one. */

import { statSync } from "node:fs";
import { join } from "node:path";
import { CA_CERTIFICATE_FILE, type CertificateAuthority, openCa } from "../proxy/ca.js";
import { LeafMint } from "../proxy/leaf.js";

/** A certificate that another process made is noticed within this time. */
const LOOK_AGAIN_MS = 1_000;

export class LazyAuthority {
  private opened: { readonly ca: CertificateAuthority; readonly mint: LeafMint } | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private isThere = false;

  /** @param directory where it is kept, which need not exist */
  constructor(private readonly directory: string) {}

  /** Whether there is one that anybody could trust; makes none. */
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

  /** Opens it, or makes it. Throws OXIMY_E_CA. */
  open(): CertificateAuthority {
    if (!this.opened) {
      const ca = openCa(this.directory);
      this.opened = { ca, mint: new LeafMint(ca) };
    }
    return this.opened.ca;
  }

  mint(): LeafMint {
    this.open();
    return this.opened!.mint;
  }
}
