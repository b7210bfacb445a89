/** The TLS contexts under one certificate: one for each way in which a session may be held. */

import { constants } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureVersion } from "node:tls";

/** What a client's session is held to. */
export interface SessionTerms {
  readonly version: SecureVersion;
  /** In OpenSSL's words, best first; whatever the client's order is. */
  readonly ciphers: string;
}

/** SSL_OP_NO_RENEGOTIATION (openssl/ssl.h), which Node has no name for: it lets clients renegotiate, few servers do. */
const NO_RENEGOTIATION = 1 << 30;

export class LeafContexts {
  /** As many as there are pairs of version and suites that servers agree to: a dozen at most. */
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
