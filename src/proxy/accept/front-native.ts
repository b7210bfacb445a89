import { Socket } from "node:net";
import { getSystemErrorName } from "node:util";
import type { Endpoint } from "../../connection/client.js";
import { OximyError } from "../../errors.js";
import { loadNative, type NativeAddon } from "../../native/native.js";
import {
  FRONT_DEFAULTS,
  type FrontHandlers,
  type FrontOptions,
  type FrontStats,
  type PassthroughCause,
  type PeekReason,
  type ReadOptions,
} from "./front.js";

/** The addon's class (native/front_binding.cc). */
interface FrontBinding {
  addresses(): Endpoint[];
  passthrough(id: number, address: string, port: number): boolean;
  /** A descriptor, or -1. */
  take(id: number): number;
  reject(id: number): boolean;
  adopt(fd: number, preface: Uint8Array, address: string, port: number): number;
  read(id: number, address: string, port: number, maxTapBytes: number, hold: boolean, tapId: number): boolean;
  adoptRead(
    fd: number,
    preface: Uint8Array,
    address: string,
    port: number,
    maxTapBytes: number,
    hold: boolean,
    tapId: number,
  ): number;
  release(id: number): void;
  tapConsumed(id: number, bytes: number): void;
  stopTap(id: number): void;
  giveTapBuffer(buffer: ArrayBuffer): void;
  close(): void;
  destroy(): void;
  stats(): FrontStats;
}

type FrontBindingConstructor = new (
  options: Required<FrontOptions> & { readonly epochOffsetMs: number },
  onConnection: (
    id: number,
    peerAddress: string,
    peerPort: number,
    localAddress: string,
    localPort: number,
    destinationAddress: string | null,
    destinationPort: number,
    peeked: Buffer,
    reason: PeekReason,
    network: number,
  ) => void,
  onPassthroughEnd: (
    id: number,
    bytesUp: number,
    bytesDown: number,
    durationMs: number,
    cause: PassthroughCause,
    errno: number,
  ) => void,
  onClosed: () => void,
  onTap: (
    ops: Float64Array,
    bytes: Uint8Array<ArrayBuffer>,
    shares: Float64Array,
    lost: readonly number[],
  ) => void,
) => FrontBinding;

function nativeClass(): FrontBindingConstructor | null {
  return (loadNative() as NativeAddon & { readonly Front: FrontBindingConstructor | null }).Front;
}

/** Added to the monotonic clock's milliseconds, it gives `performance.timeOrigin + performance.now()`. */
const epochOffsetMs = () =>
  performance.timeOrigin + performance.now() - Number(process.hrtime.bigint()) / 1e6;

export function isNativeFrontSupported(): boolean {
  return nativeClass() !== null;
}

/**
 * Accepts the machine's connections and requests a verdict on each. Runs on a thread of the addon: the bytes, ends,
 * resets and backpressure of what passes through are forwarded there, without JavaScript. Linux only.
 *
 * The verdicts return false (undefined) when the connection no longer waits for one: it already had one, the time
 * limit for it has passed, or the front was destroyed.
 */
export class NativeFront {
  /** As bound, with real ports. */
  readonly addresses: readonly Endpoint[];
  private readonly binding: FrontBinding;
  private readonly closed: Promise<void>;

  /**
   * @throws OximyError OXIMY_E_PLATFORM, OXIMY_E_PORT_TAKEN, OXIMY_E_PRIVILEGE, or OXIMY_E_INTERNAL when it cannot
   * listen.
   */
  constructor(options: FrontOptions, handlers: FrontHandlers) {
    const Binding = nativeClass();
    if (Binding === null) {
      throw new OximyError("OXIMY_E_PLATFORM", "this system has no native front", "Use the front of Node.");
    }
    let onClosed = () => {};
    this.closed = new Promise((resolve) => {
      onClosed = resolve;
    });
    try {
      this.binding = new Binding(
        { ...FRONT_DEFAULTS, ...options, epochOffsetMs: epochOffsetMs() },
        (id, peer, peerPort, local, localPort, destination, destinationPort, peeked, reason, network) =>
          handlers.onConnection({
            id,
            peer: { address: peer, port: peerPort },
            local: { address: local, port: localPort },
            destination: destination === null ? null : { address: destination, port: destinationPort },
            peeked,
            reason,
            network,
          }),
        (id, bytesUp, bytesDown, durationMs, cause, errno) =>
          handlers.onPassthroughEnd?.({
            id,
            bytesUp,
            bytesDown,
            durationMs,
            cause,
            ...(errno === 0 ? {} : { error: getSystemErrorName(-errno) }),
          }),
        onClosed,
        (ops, bytes, shares, lost) => {
          handlers.onTap?.({ ops, bytes, shares });
          for (const id of lost) handlers.onTapLost?.(id);
        },
      );
    } catch (error) {
      throw listenError(error, options.listen);
    }
    this.addresses = this.binding.addresses();
  }

  passthrough(id: number, to: Endpoint): boolean {
    return this.binding.passthrough(id, to.address, to.port);
  }

  /** The client's socket, not reading yet and with nothing read; half-open, and owned by the caller from now on. */
  take(id: number): Socket | undefined {
    const fd = this.binding.take(id);
    if (fd < 0) return undefined;
    return new Socket({
      fd,
      readable: true,
      writable: true,
      allowHalfOpen: true,
      manualStart: true,
    } as object);
  }

  /** Resets the connection. */
  reject(id: number): boolean {
    return this.binding.reject(id);
  }

  /**
   * Passes through a plain TCP socket from elsewhere; `preface` (bytes already read from it) is sent to the server
   * first. The socket object must not be used afterwards.
   * @returns the id used in `onPassthroughEnd`
   */
  adopt(socket: Socket, preface: Uint8Array, to: Endpoint): number {
    return this.useUp(socket, preface, (fd, all) => this.binding.adopt(fd, all, to.address, to.port));
  }

  /**
   * Like `passthrough`, and also copies the bytes to `onTap`. Optionally holds back what the server sends: see
   * `ReadOptions`. The copy never blocks the connection: when it reaches its limit it ends.
   */
  read(id: number, to: Endpoint, { maxTapBytes, hold, tapId = 0 }: ReadOptions): boolean {
    return this.binding.read(id, to.address, to.port, maxTapBytes, hold, tapId);
  }

  /** Like `adopt`, and also copies the bytes, `preface` included, as `read` does. */
  adoptRead(
    socket: Socket,
    preface: Uint8Array,
    to: Endpoint,
    { maxTapBytes, hold, tapId = 0 }: ReadOptions,
  ): number {
    return this.useUp(socket, preface, (fd, all) =>
      this.binding.adoptRead(fd, all, to.address, to.port, maxTapBytes, hold, tapId),
    );
  }

  /** Stops holding back the server's bytes, also before any have arrived. Idempotent. */
  release(id: number): void {
    this.binding.release(id);
  }

  /** Acknowledges that many bytes delivered by `onTap`, which makes room for as many. */
  tapConsumed(id: number, bytes: number): void {
    this.binding.tapConsumed(id, bytes);
  }

  /** Stops copying; the connection continues. Bytes copied before may still be delivered, but no `close`. */
  stopTap(id: number): void {
    this.binding.stopTap(id);
  }

  /**
   * Returns a batch's buffer for later batches once it was read; it must not be used or transferred any more.
   * Any other buffer is ignored.
   */
  giveTapBuffer(buffer: ArrayBuffer): void {
    this.binding.giveTapBuffer(buffer);
  }

  /** Stops listening; resolves when the last connection that was not taken has ended. */
  close(): Promise<void> {
    this.binding.close();
    return this.closed;
  }

  /** Stops listening and resets every connection that was not taken. */
  destroy(): Promise<void> {
    this.binding.destroy();
    return this.closed;
  }

  stats(): FrontStats {
    return this.binding.stats();
  }

  private useUp(
    socket: Socket,
    preface: Uint8Array,
    adopt: (fd: number, preface: Uint8Array) => number,
  ): number {
    socket.pause();
    const handle = (socket as unknown as { _handle?: { fd?: number; readStop?(): void } })._handle;
    handle?.readStop?.();
    const buffered = socket.readableLength > 0 ? [socket.read() as Buffer] : [];
    const id = adopt(handle?.fd ?? -1, Buffer.concat([preface, ...buffered]));
    // Closes Node's descriptor without a shutdown; the connection stays open through the front's.
    socket.destroy();
    return id;
  }
}

function listenError(error: unknown, listen: readonly Endpoint[]): unknown {
  if (!(error instanceof Error && "errno" in error && typeof error.errno === "number")) return error;
  const where = listen.map(({ address, port }) => `${address} port ${port}`).join(", ");
  const code = getSystemErrorName(-error.errno);
  if (code === "EADDRINUSE") {
    return new OximyError(
      "OXIMY_E_PORT_TAKEN",
      `cannot listen at ${where}: the port is in use by another program`,
      "Stop that program or choose another port.",
      { cause: error },
    );
  }
  if (code === "EACCES" || code === "EPERM") {
    return new OximyError(
      "OXIMY_E_PRIVILEGE",
      `cannot listen at ${where}: ports below 1024 require root`,
      "Choose a port above 1023.",
      { cause: error },
    );
  }
  return new OximyError(
    "OXIMY_E_INTERNAL",
    `cannot listen at ${where}: ${code}`,
    "Run `oximy doctor` to see what this machine lacks.",
    { cause: error },
  );
}
