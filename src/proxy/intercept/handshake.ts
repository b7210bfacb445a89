/** Watches the handshake of a TLS session under our certificate, and reports how the client reacted to it. */

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { loadNative } from "../../native/native.js";
import type { HandshakeEnd } from "../verdict/trust-book.js";

/** Alerts by which a client rejects our certificate (RFC 8446 §6.2: 42, 46, 48). */
const CERTIFICATE_ALERT = /alert (bad certificate|certificate unknown|unknown ca)/i;

/** A client that closes within this time after its handshake without sending anything rejected the certificate. */
const SILENT_REFUSAL_MS = 100;

/** A flight with a certificate is larger than this; a HelloRetryRequest is some hundred bytes. */
const LEAST_CERTIFICATE_FLIGHT = 300;

/** When to check whether our flight has arrived, in ms after the handshake began: after a reset it is too late. */
const LOOKS_MS = [1, 3, 8, 20, 50, 120, 300, 800] as const;

export interface HandshakeWatch {
  isDone(): boolean;
  /** How the session ended; call it when it is over. */
  end(): HandshakeEnd;
}

/** Node keeps it in an undocumented property that has not changed since its first versions; -1 when closed. */
export function descriptorOf(socket: Socket): number {
  const { _handle } = socket as unknown as { _handle: { fd: number } | null };
  return _handle?.fd ?? -1;
}

const sendState = (socket: Socket) => {
  const fd = descriptorOf(socket);
  return fd < 0 ? null : loadNative().sendState(fd);
};

/** @param raw the client's socket below the session */
export function watchHandshake(session: TLSSocket, raw: Socket): HandshakeWatch {
  const startedAt = performance.now();
  // A client that has already left did so for another reason than our certificate.
  const leftBefore = sendState(raw)?.peerEnded ?? false;
  let alert: string | undefined;
  let doneAt: number | undefined;
  let closedAt = Number.POSITIVE_INFINITY;
  let hadCertificate = false;

  const check = () => {
    if (hadCertificate || doneAt !== undefined) return;
    const state = sendState(raw);
    hadCertificate = state?.unacknowledged === 0 && raw.bytesWritten >= LEAST_CERTIFICATE_FLIGHT;
  };
  let looks = 0;
  let timer: NodeJS.Timeout | undefined;
  const checkLater = () => {
    const at = LOOKS_MS[looks++];
    if (at === undefined || doneAt !== undefined || hadCertificate) return;
    timer = setTimeout(
      () => {
        check();
        checkLater();
      },
      Math.max(0, at - (performance.now() - startedAt)),
    );
  };
  checkLater();

  session.on("error", (error) => {
    alert ??= CERTIFICATE_ALERT.exec(error.message)?.[1]?.toLowerCase();
  });
  session.once("secure", () => {
    doneAt = performance.now();
    clearTimeout(timer);
  });
  for (const event of ["end", "close"] as const) {
    session.once(event, () => {
      if (event === "end") check();
      clearTimeout(timer);
      closedAt = Math.min(closedAt, performance.now());
    });
  }
  return {
    isDone: () => doneAt !== undefined,
    end: () => {
      if (alert !== undefined) return { kind: "alert", alert };
      if (doneAt === undefined) {
        return { kind: hadCertificate && !leftBefore ? "left_after_certificate" : "inconclusive" };
      }
      const limit = Math.max(SILENT_REFUSAL_MS, 10 * (doneAt - startedAt));
      return { kind: closedAt - doneAt < limit ? "left_unused" : "inconclusive" };
    },
  };
}
