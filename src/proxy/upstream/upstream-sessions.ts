/** Sessions that servers gave, kept so that a client that resumes with us is resumed with the server too. */

import type { TLSSocket } from "node:tls";
import { LruCache } from "../../lru-cache.js";

const MAX_KEYS = 1_000;
/** Servers give two tickets at a time, mostly. */
const MAX_TICKETS = 4;

export class UpstreamSessions {
  private readonly sessions = new LruCache<string, Buffer[]>(MAX_KEYS);

  /**
   * The newest, which is then gone: a ticket is shown once, lest it tell an onlooker which connections belong
   * together (RFC 8446 §C.4).
   */
  take(key: string): Buffer | undefined {
    return this.sessions.get(key)?.pop();
  }

  /** Keeps what the server gives on `socket`, whose certificate was verified: a resumed session shows none. */
  keepFrom(socket: TLSSocket, key: string): void {
    // In TLS 1.2 the session stands after the handshake; in 1.3 tickets come later, when the server likes.
    if (socket.getProtocol() === "TLSv1.3") socket.on("session", (ticket) => this.keep(key, ticket));
    else {
      const session = socket.getSession();
      if (session) this.keep(key, session);
    }
  }

  private keep(key: string, session: Buffer): void {
    const held = this.sessions.get(key) ?? [];
    this.sessions.set(key, [...held, session].slice(-MAX_TICKETS));
  }
}
