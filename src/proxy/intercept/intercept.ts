/** Interception: one TLS session to the client under our certificate, one to the server, and the bytes in between. */

import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { type SecureContext, type Server, TLSSocket } from "node:tls";
import type { ShownLeaf } from "../../certificates/leaf.js";
import type { SessionTerms } from "../../certificates/leaf-contexts.js";
import type { Connection } from "../../connection/connection.js";
import type { ConnectionReason, PassthroughReason } from "../../connection/reasons.js";
import { type RelayEnd, relay } from "../relay.js";
import type { TapSink } from "../tap.js";
import type { SecureUpstream } from "../upstream/upstream.js";
import type { Attempt, Judgement } from "../verdict/trust-book.js";
import { watchHandshake } from "./handshake.js";

/** Why nothing was read of an intercepted connection. */
export interface NothingRead {
  readonly reason: ConnectionReason | PassthroughReason;
  readonly end: RelayEnd;
}

export interface Interception {
  readonly leaf: ShownLeaf;
  readonly terms: SessionTerms;
  readonly taps: TapSink;
  readonly attempt: Attempt;
}

/**
 * Relays between the client and an open session to the server, until both have ended. Reports to `attempt` how the
 * client reacted to our certificate. Resolves with the reason why nothing was read, or with undefined.
 */
export async function relaySecure(
  raw: Socket,
  upstream: Pick<SecureUpstream, "side" | "protocol" | "isStapled">,
  connection: Connection,
  { leaf, terms, taps, attempt }: Interception,
): Promise<NothingRead | undefined> {
  const { protocol } = upstream;
  attempt.shown();
  const secureContext = leaf.contextFor(terms);
  const secure = new TLSSocket(raw, {
    isServer: true,
    secureContext,
    ...(upstream.isStapled ? { server: staplingServer(secureContext, () => leaf.staple()) } : {}),
    ...(protocol === undefined ? {} : { ALPNProtocols: [protocol] }),
  });
  const handshake = watchHandshake(secure, raw);
  const tap = taps.open(connection);
  let hasSpoken = false;
  const end = await relay({ stream: secure, socket: raw }, upstream.side, {
    onBytes: (direction, bytes) => {
      if (!hasSpoken && direction === "request") {
        hasSpoken = true;
        attempt.succeeded();
      }
      tap.push(direction, bytes);
    },
    onEnd: (direction) => tap.end(direction),
  });
  tap.close(end.cause);
  const judgement = await attempt.end(hasSpoken ? { kind: "inconclusive" } : handshake.end());
  if (hasSpoken) return undefined;
  return nothingRead(judgement, handshake.isDone(), end);
}

/**
 * Node obtains staples through a server's event, emitted when a client has requested the status. It accesses only these
 * two members of the server (lib/_tls_wrap.js, requestOCSP).
 */
function staplingServer(secureContext: SecureContext, staple: () => Buffer): Server {
  const server = Object.assign(new EventEmitter(), { _sharedCreds: secureContext });
  server.on("OCSPRequest", (_certificate, _issuer, answer: (error: null, response: Buffer) => void) =>
    answer(null, staple()),
  );
  return server as unknown as Server;
}

function nothingRead(judgement: Judgement, isDone: boolean, end: RelayEnd): NothingRead {
  if (judgement.kind === "refused") {
    return { reason: "client_refused_certificate", end: { ...end, error: judgement.how } };
  }
  return { reason: isDone ? "no_request" : "client_handshake_failed", end };
}
