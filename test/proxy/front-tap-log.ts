import { TAP_CLOSE_CAUSES, TAP_OP, TAP_OP_WIDTH, type TapBatch } from "../../src/proxy/accept/front.js";

type OpName = keyof typeof TAP_OP;
const NAMES = new Map(Object.entries(TAP_OP).map(([name, op]) => [op as number, name as OpName]));

/** What the taps of a front handed over. */
export class TapLog {
  /** In order: of each operation its name, tap id, time, and bytes or close cause. */
  readonly ops: {
    readonly name: OpName;
    readonly id: number;
    readonly time: number;
    readonly bytes: Buffer;
    readonly cause: string | undefined;
  }[] = [];
  readonly lost: number[] = [];
  batches = 0;
  private waiting: { readonly isDone: () => boolean; readonly tell: () => void }[] = [];

  add({ ops, bytes }: TapBatch): void {
    this.batches++;
    let offset = 0;
    for (let at = 0; at < ops.length; at += TAP_OP_WIDTH) {
      const name = NAMES.get(ops[at]!)!;
      const argument = ops[at + 3]!;
      const length = name === "request" || name === "response" ? argument : 0;
      this.ops.push({
        name,
        id: ops[at + 1]!,
        time: ops[at + 2]!,
        bytes: Buffer.from(bytes.subarray(offset, offset + length)),
        cause: name === "close" ? TAP_CLOSE_CAUSES[argument] : undefined,
      });
      offset += length;
    }
    if (offset !== bytes.length) throw new Error(`${bytes.length} bytes in a batch with ${offset}`);
    this.waiting = this.waiting.filter(({ isDone, tell }) => !isDone() || tell());
  }

  of(id: number) {
    return this.ops.filter((op) => op.id === id);
  }
  bytes(id: number, name: "request" | "response"): Buffer {
    return Buffer.concat(this.of(id).flatMap((op) => (op.name === name ? [op.bytes] : [])));
  }
  /** The names in order, each once where it follows itself. */
  names(id: number): OpName[] {
    const names = this.of(id).map(({ name }) => name);
    return names.filter((name, at) => name !== names[at - 1]);
  }
  cause(id: number): string | undefined {
    return this.of(id).find(({ name }) => name === "close")?.cause;
  }
  /** Resolves when the batches so far have made it true. */
  until(isDone: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      if (isDone()) resolve();
      else this.waiting.push({ isDone, tell: resolve });
    });
  }
}
