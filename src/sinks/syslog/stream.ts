/**
 * Messages over TCP and TLS (RFC 6587, RFC 5425). Syslog has no acknowledgements: the only sign that a server received
 * everything is that it closes the connection cleanly after we did. So each batch has a connection of its own, and
 * counts as delivered when the server has closed it too; when the connection breaks, the batch is sent again.
 */

import type { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { SyslogAddress } from "../../user/syslog-settings.js";
import type { Attempt } from "../export/retry.js";

const LONGEST_SILENCE_MS = 30_000;
/** A server that accepts everything but never closes a connection is trusted from the second time on. */
const TRIES = 2;

export interface StreamOptions {
  readonly address: Extract<SyslogAddress, { kind: "tcp" | "tls" | "udp" }>;
  /** A file of roots (PEM). */
  readonly certificate?: string;
  readonly stop: AbortSignal;
  readonly silenceMs?: number;
}

export class SyslogStream {
  private readonly options: StreamOptions;
  private session: Buffer | undefined;
  private unended = 0;

  constructor(options: StreamOptions) {
    this.options = options;
  }

  /** Sends the bytes of a batch, whole. Never rejects. */
  send(bytes: Buffer): Promise<Attempt> {
    const { stop, silenceMs = LONGEST_SILENCE_MS } = this.options;
    return new Promise((resolve) => {
      let socket: Socket;
      try {
        socket = this.connect();
      } catch (error) {
        resolve({ kind: "later", why: (error as Error).message }); // the file of roots cannot be read
        return;
      }
      let why: string | undefined;
      let isSent = false;
      const end = () => socket.destroy();
      const outOfTime = () => {
        why ??= "it was stopped";
        end();
      };
      stop.addEventListener("abort", outOfTime, { once: true });
      socket.setTimeout(silenceMs, () => {
        if (isSent && why === undefined) this.unended += 1;
        why ??= isSent ? "it does not end connections" : "it takes nothing";
        end();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => {
        why ??= error.code ?? error.message;
      });
      socket.resume(); // discards input
      socket.once("end", () => {
        if (!isSent) why ??= "it ended the connection too early";
      });
      socket.once("close", () => {
        stop.removeEventListener("abort", outOfTime);
        const isTaken = isSent && (why === undefined || this.unended >= TRIES);
        if (isTaken) this.unended = 0;
        resolve(isTaken ? { kind: "taken" } : { kind: "later", why: why ?? "it ended the connection" });
      });
      // Called after all data and the FIN were handed to the system.
      socket.end(bytes, () => {
        isSent = true;
      });
      if (stop.aborted) outOfTime();
    });
  }

  private connect(): Socket {
    const { address, certificate } = this.options;
    const { host, port, kind } = address;
    if (kind !== "tls") return connectTcp({ host, port, allowHalfOpen: true });
    const socket: TLSSocket = connectTls({
      host,
      port,
      servername: /^[\d.]+$|:/.test(host) ? "" : host,
      minVersion: "TLSv1.2",
      ...(certificate !== undefined && { ca: readFileSync(certificate) }),
      ...(this.session && { session: this.session }),
    });
    socket.on("session", (session) => {
      this.session = session;
    });
    return socket;
  }
}
