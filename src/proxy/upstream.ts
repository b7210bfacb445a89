/** The TLS session to the server: on its original address, offering what the client offered. */

import { connect as connectTcp } from "node:net";
import { connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import type { Endpoint } from "../attribution/client.js";
import type { ClientHello } from "./client-hello.js";
import type { Side } from "./relay.js";
import { systemRoots } from "./roots.js";

export type UpstreamResult =
  | { readonly kind: "secure"; readonly side: Side; readonly protocol: string | undefined }
  /** The handshake went through, and the certificate is not to be trusted for that name. */
  | { readonly kind: "untrusted"; readonly error: string }
  | { readonly kind: "failed"; readonly error: string };

const CONNECT_MS = 30_000;

/** Opens TLS sessions to servers, all verified against one set of roots. */
export class UpstreamConnector {
  private readonly context: SecureContext;

  constructor(roots: readonly string[] = systemRoots()) {
    this.context = createSecureContext({ ca: [...roots] });
  }

  /** Never rejects. The certificate is verified for `host`. */
  connect(target: Endpoint, host: string, hello: ClientHello): Promise<UpstreamResult> {
    return new Promise((resolve) => {
      const socket = connectTcp({
        host: target.address,
        port: target.port,
        allowHalfOpen: true,
        noDelay: true,
      });
      let stream: TLSSocket | undefined;
      const settle = (result: UpstreamResult) => {
        clearTimeout(timer);
        stream?.off("error", fail).off("close", onClose);
        if (result.kind !== "secure") {
          // The session closes the socket below it. The other way round, in here, crashes Node.
          (stream ?? socket).destroy();
        }
        resolve(result);
      };
      const fail = (error: NodeJS.ErrnoException) =>
        settle({ kind: "failed", error: error.code ?? error.message });
      const onClose = () => settle({ kind: "failed", error: "closed during the handshake" });
      const timer = setTimeout(() => settle({ kind: "failed", error: "ETIMEDOUT" }), CONNECT_MS);
      socket.on("error", fail);
      socket.once("connect", () => {
        // The TLS session reports this socket's errors from here on.
        socket.off("error", fail).on("error", () => {});
        stream = connect({
          socket,
          host,
          ...(hello.serverName === undefined ? {} : { servername: hello.serverName }),
          ALPNProtocols: [...hello.alpn],
          secureContext: this.context,
          // Verified all the same, and looked at below: what is not trusted is not hidden but passed through.
          rejectUnauthorized: false,
        });
        const session = stream;
        session.once("error", fail).once("close", onClose);
        // Between the handshake and the relay nobody listens.
        session.on("error", () => {});
        session.once("secureConnect", () => {
          if (!session.authorized) {
            return settle({
              kind: "untrusted",
              error: String(session.authorizationError ?? "not authorised"),
            });
          }
          settle({
            kind: "secure",
            side: { stream: session, socket },
            protocol: session.alpnProtocol || undefined,
          });
        });
      });
    });
  }
}
