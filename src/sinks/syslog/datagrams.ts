/** Messages over UDP (RFC 5426), one per datagram: loss goes unnoticed. */

import type { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Attempt } from "../export/retry.js";

/** A receiver "SHOULD be able to receive" messages of this size (RFC 5426 §3.2); some drop larger ones. */
export const MAX_DATAGRAM = 2_048;
/** Datagrams without a pause: more could overflow a receiver's buffer (212,992 bytes on Linux). */
const BURST = 32;
const PAUSE_MS = 20;
/** Time for the ICMP port unreachable that follows when nobody listens there. */
const REFUSAL_MS = 100;

/** Never rejects. That nobody listens is noticed only if an ICMP error comes back. */
export async function sendDatagrams(
  to: { readonly host: string; readonly port: number },
  messages: readonly Buffer[],
): Promise<Attempt> {
  try {
    const { address, family } = await lookup(to.host);
    const socket = createSocket(family === 6 ? "udp6" : "udp4");
    let failure: NodeJS.ErrnoException | undefined;
    socket.on("error", (error) => {
      failure ??= error;
    });
    try {
      await new Promise<void>((resolve) => socket.connect(to.port, address, resolve));
      for (let at = 0; at < messages.length && failure === undefined; at += BURST) {
        await Promise.all(messages.slice(at, at + BURST).map((message) => sent(socket, message)));
        await delay(at + BURST < messages.length ? PAUSE_MS : REFUSAL_MS);
      }
    } finally {
      socket.close();
    }
    return failure === undefined ? { kind: "taken" } : later(failure);
  } catch (error) {
    return later(error as NodeJS.ErrnoException);
  }
}

const sent = (socket: ReturnType<typeof createSocket>, message: Buffer) =>
  new Promise<void>((resolve, reject) => {
    socket.send(message, (error) => (error ? reject(error) : resolve()));
  });

const later = ({ code, message }: NodeJS.ErrnoException): Attempt => ({
  kind: "later",
  why: code ?? message,
});
