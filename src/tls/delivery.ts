import type { Direction } from "../connection/direction.js";
import type { Budget } from "./direction-reader.js";
import { ProtocolError } from "./failure.js";

export type EndKind = "close_notify" | "truncated";

interface Item {
  readonly order: number;
  /** Undefined: the end of the direction. */
  readonly bytes: Buffer | undefined;
  readonly time: number;
  readonly how: EndKind;
}

export interface DeliverySink {
  onData(direction: Direction, bytes: Buffer, time: number): void;
  onEnd(direction: Direction, how: EndKind): void;
}

const OVERHEAD = 128;

/**
 * Delivers both directions' data in wire order, even if the secret of one direction arrives later than the other's: the
 * receiver could not handle a response before its request.
 */
export class Delivery {
  private readonly held: Readonly<Record<Direction, Item[]>> = { request: [], response: [] };

  /** `barrier` returns the order from which a direction's data must wait for the other direction. */
  constructor(
    private readonly sink: DeliverySink,
    private readonly budget: Budget,
    private readonly barrier: (direction: Direction) => number,
  ) {}

  get isEmpty(): boolean {
    return this.held.request.length === 0 && this.held.response.length === 0;
  }

  data(direction: Direction, bytes: Buffer, time: number, order: number): void {
    if (this.isEmpty && this.barrier(direction) > order) this.sink.onData(direction, bytes, time);
    else this.hold(direction, { bytes: Buffer.from(bytes), time, order, how: "truncated" });
  }

  end(direction: Direction, how: EndKind, order: number): void {
    if (this.isEmpty && this.barrier(direction) > order) this.sink.onEnd(direction, how);
    else this.hold(direction, { bytes: undefined, time: 0, order, how });
  }

  /** Delivers what no longer has to wait. */
  flush(): void {
    while (!this.isEmpty) {
      const request = this.held.request[0]?.order ?? Number.POSITIVE_INFINITY;
      const response = this.held.response[0]?.order ?? Number.POSITIVE_INFINITY;
      const direction = request < response ? "request" : "response";
      const item = this.held[direction][0]!;
      if (this.barrier(direction) <= item.order) return;
      this.held[direction].shift();
      this.budget.left += (item.bytes?.length ?? 0) + OVERHEAD;
      if (item.bytes === undefined) this.sink.onEnd(direction, item.how);
      else this.sink.onData(direction, item.bytes, item.time);
    }
  }

  clear(): void {
    this.held.request.length = 0;
    this.held.response.length = 0;
  }

  private hold(direction: Direction, item: Item): void {
    this.budget.left -= (item.bytes?.length ?? 0) + OVERHEAD;
    if (this.budget.left < 0) throw new ProtocolError("too_much_ciphertext");
    this.held[direction].push(item);
  }
}
