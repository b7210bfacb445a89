/** The TLS contexts of one certificate: one for each set of session parameters. */

import { constants } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureVersion } from "node:tls";

/** Parameters enforced for a client's session. */
export interface SessionTerms {
  readonly version: SecureVersion;
  /** OpenSSL names, preferred first, regardless of the client's order. */
  readonly ciphers: string;
}

/** SSL_OP_NO_RENEGOTIATION (openssl/ssl.h); Node does not export it. Node lets clients renegotiate, few servers do. */
const NO_RENEGOTIATION = 1 << 30;

export class LeafContexts {
  /** One per combination of version and suites that servers negotiate: a dozen at most. */
  private readonly contexts = new Map<string, SecureContext>();

  constructor(
    private readonly key: string,
    private readonly chain: string,
  ) {}

  contextFor(terms?: SessionTerms): SecureContext {
    const name = terms === undefined ? "" : `${terms.version} ${terms.ciphers}`;
    let context = this.contexts.get(name);
    if (!context) {
      context = createSecureContext({
        key: this.key,
        cert: this.chain,
        ...(terms && { minVersion: terms.version, maxVersion: terms.version, ciphers: terms.ciphers }),
        secureOptions: constants.SSL_OP_CIPHER_SERVER_PREFERENCE | NO_RENEGOTIATION,
      });
      this.contexts.set(name, context);
    }
    return context;
  }
}
