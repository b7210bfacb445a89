import type { Direction, Scheme } from "../connection/direction.js";
import { ByteBuffer } from "./byte-buffer.js";
import type { ConnectionReader, ReaderHandlers, ReaderLimits } from "./exchange.js";
import { type CloseCause, guardReader, ProtocolError, type ReaderCore } from "./guard.js";
import { Http1Core } from "./http1.js";
import { HTTP2_PREFACE, Http2Core } from "./http2.js";
import { type ConnectionContext, createContext } from "./open-exchange.js";
import { protocolSwitch } from "./protocol-switch.js";

const MAX_EARLY = 16 << 10;

export interface ConnectionOptions {
  /** Negotiated by ALPN; when absent, the protocol is detected from the first bytes. */
  readonly protocol?: "http/1.1" | "h2";
  readonly scheme: Scheme;
  readonly limits: ReaderLimits;
}

/** Reads a connection in HTTP/1, HTTP/2, or a protocol they switch to. */
export function createConnectionReader(
  options: ConnectionOptions,
  handlers: ReaderHandlers,
): ConnectionReader {
  const context = createContext(options.limits, handlers);
  return guardReader(new ConnectionCore(options, context), handlers);
}

class ConnectionCore implements ReaderCore {
  private readonly options: ConnectionOptions;
  private readonly context: ConnectionContext;
  private readonly first = new ByteBuffer();
  private firstAt = 0;
  private readonly early = new ByteBuffer();
  private core: ReaderCore | undefined;

  constructor(options: ConnectionOptions, context: ConnectionContext) {
    this.options = options;
    this.context = context;
  }

  get protocol(): string {
    return this.core?.protocol ?? "unknown";
  }

  push(direction: Direction, bytes: Buffer, time: number): void {
    const { protocol } = this.options;
    if (protocol !== undefined) this.core ??= this.start(protocol);
    if (this.core !== undefined) this.core.push(direction, bytes, time);
    else if (direction === "response") this.holdEarly(bytes);
    else this.detect(bytes, time);
  }

  end(direction: Direction, time: number): void {
    this.core?.end(direction, time);
  }

  close(cause: CloseCause, time: number): void {
    this.core?.close(cause, time);
  }

  /** No HTTP/1 request begins like the HTTP/2 preface. */
  private detect(bytes: Buffer, time: number): void {
    if (this.first.length === 0) this.firstAt = time;
    this.first.append(bytes, 0, bytes.length);
    const seen = this.first.view();
    const compared = Math.min(seen.length, HTTP2_PREFACE.length);
    const isHttp2 = seen.subarray(0, compared).equals(HTTP2_PREFACE.subarray(0, compared));
    if (isHttp2 && compared < HTTP2_PREFACE.length) return;
    this.core = this.start(isHttp2 ? "h2" : "http/1.1");
    const early = this.early.view();
    if (early.length > 0) this.core.push("response", early, this.firstAt);
    this.core.push("request", seen, this.firstAt);
    this.first.clear();
    this.early.clear();
  }

  /** An HTTP/2 server may send its preface before it receives the client's (RFC 9113 §3.4). */
  private holdEarly(bytes: Buffer): void {
    if (this.early.length + bytes.length > MAX_EARLY) throw new ProtocolError("server_speaks_first");
    this.early.append(bytes, 0, bytes.length);
  }

  private start(protocol: "http/1.1" | "h2"): ReaderCore {
    if (protocol === "h2") return new Http2Core(this.context);
    return new Http1Core(this.context, protocolSwitch(this.options.scheme, this.context));
  }
}
