/** Sessions of servers, kept so that when a client resumes with us the server's session is resumed too. */

import type { TLSSocket } from "node:tls";
import { LruCache } from "../../lru-cache.js";

const MAX_KEYS = 1_000;
/** Most servers send two tickets at a time. */
const MAX_TICKETS = 4;

export class UpstreamSessions {
  private readonly sessions = new LruCache<string, Buffer[]>(MAX_KEYS);

  /**
   * Removes and returns the newest: a ticket is used once, so that an observer cannot link connections by it
   * (RFC 8446 §C.4).
   */
  take(key: string): Buffer | undefined {
    return this.sessions.get(key)?.pop();
  }

  /** Keeps the sessions of `socket`, whose certificate was verified: a resumed session shows none. */
  keepFrom(socket: TLSSocket, key: string): void {
    // In TLS 1.2 the session is complete after the handshake; in 1.3 tickets arrive later, at the server's choice.
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
