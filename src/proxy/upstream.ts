/** The TLS session to the server: on its original address, offering what the client offered. */

import { connect as connectTcp } from "node:net";
import { connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import type { Endpoint } from "../attribution/client.js";
import type { ClientHello } from "./client-hello.js";
import { systemRoots } from "./roots.js";

export type UpstreamResult =
  | { readonly kind: "secure"; readonly socket: TLSSocket; readonly protocol: string | undefined }
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
      const tcp = connectTcp({ host: target.address, port: target.port, allowHalfOpen: true, noDelay: true });
      const socket = connect({
        socket: tcp,
        host,
        ...(hello.serverName === undefined ? {} : { servername: hello.serverName }),
        ALPNProtocols: [...hello.alpn],
        secureContext: this.context,
        // Verified all the same, and looked at below: what is not trusted is not hidden but passed through.
        rejectUnauthorized: false,
      });
      socket.allowHalfOpen = true;
      const settle = (result: UpstreamResult) => {
        clearTimeout(timer);
        socket.off("error", onError).off("close", onClose);
        if (result.kind !== "secure") {
          socket.on("error", () => {}); // it is being given up
          socket.destroy();
          tcp.destroy();
        }
        resolve(result);
      };
      const onError = (error: NodeJS.ErrnoException) => settle({ kind: "failed", error: error.code ?? error.message });
      const onClose = () => settle({ kind: "failed", error: "closed during the handshake" });
      const timer = setTimeout(() => settle({ kind: "failed", error: "ETIMEDOUT" }), CONNECT_MS);
      tcp.on("error", (error) => socket.destroy(error));
      socket.once("error", onError).once("close", onClose);
      socket.once("secureConnect", () => {
        if (socket.authorized) settle({ kind: "secure", socket, protocol: socket.alpnProtocol || undefined });
        else settle({ kind: "untrusted", error: String(socket.authorizationError ?? "not authorised") });
      });
    });
  }
}
