/** The certificate authority of a capture, created on first use: a capture that only decrypts passively needs none. */

import { statSync } from "node:fs";
import { join } from "node:path";
import { type CertificateAuthority, openCa } from "../certificates/ca.js";
import { type Issuer, LeafIssuer } from "../certificates/leaf.js";
import { CA_CERTIFICATE_FILE } from "../user/settings.js";

/** How long the answer of `exists` is cached; another process may create the certificate. */
const LOOK_AGAIN_MS = 1_000;

export interface Authority {
  /** Whether a certificate exists that programs could trust; does not create one. */
  exists(): boolean;
  /** Called before programs are shown its certificates. */
  prepare(): void;
  issuer(): Issuer;
}

/** The user's own authority, whose key this process can read. */
export class LazyAuthority implements Authority {
  private opened: { readonly ca: CertificateAuthority; readonly issuer: LeafIssuer } | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private isThere = false;

  /** @param directory of its files; it need not exist */
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
      this.isThere = false; // a certificate in an inaccessible folder is of no use
    }
    return this.isThere;
  }

  /** Creates it if missing. Throws OXIMY_E_CA. */
  prepare(): void {
    this.open();
  }

  /** Opens or creates it. Throws OXIMY_E_CA. */
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
