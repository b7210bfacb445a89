import fc from "fast-check";
import { expect, test } from "vitest";
import { BatchWriter, readBatch } from "../../src/capture/batch-writer.js";
import { type Batch, OP } from "../../src/capture/protocol.js";
import { connection } from "./rig.js";

const isPush = (code: number) => code === OP.request || code === OP.response;

/** What comes out on the other side, each operation with its connection. */
function readAll(batches: readonly Batch[]) {
  const read: { code: number; id: number; bytes: string; told: unknown }[] = [];
  for (const batch of batches) {
    readBatch(structuredClone(batch), isPush, ({ code, id, argument, bytes }) => {
      const told = code === OP.open ? batch.infos[argument] : undefined;
      read.push({ code, id, bytes: Buffer.from(bytes).toString("hex"), told });
    });
  }
  return read;
}

const operation = fc.oneof(
  fc.record({ code: fc.constantFrom(OP.request, OP.response), bytes: fc.uint8Array({ maxLength: 40_000 }) }),
  fc.record({
    code: fc.constantFrom(OP.endRequest, OP.endResponse, OP.close),
    bytes: fc.constant(undefined),
  }),
  fc.record({ code: fc.constant(OP.open), bytes: fc.constant(undefined) }),
);

test("interleaved connections come out in order, with every byte, however they are flushed", () => {
  const steps = fc.array(fc.tuple(operation, fc.integer({ min: 1, max: 5 }), fc.boolean()), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (written) => {
      const batches: Batch[] = [];
      const writer = new BatchWriter((batch) => batches.push(batch));
      const expected = written.map(([{ code, bytes }, id, flushAfter]) => {
        if (bytes) writer.push(code, id, 1, bytes);
        else if (code === OP.open) writer.describe(code, id, 1, connection(id));
        else writer.op(code, id, 1);
        const hex = Buffer.from(bytes ?? []).toString("hex");
        bytes?.fill(0); // Node uses its buffers again
        if (flushAfter) writer.flush();
        return { code, id, bytes: hex, told: code === OP.open ? connection(id) : undefined };
      });
      writer.flush();
      expect(readAll(batches)).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});

test("what comes within milliseconds goes in one batch, by itself", async () => {
  const batches: Batch[] = [];
  const writer = new BatchWriter((batch) => batches.push(batch));
  writer.op(OP.endRequest, 1, 0);
  writer.push(OP.response, 1, 0, Buffer.from("x"));
  expect(batches).toHaveLength(0);
  await expect.poll(() => batches.length).toBe(1);
});

test("a full batch does not wait for the end of the turn", () => {
  const batches: Batch[] = [];
  const writer = new BatchWriter((batch) => batches.push(batch));
  for (let at = 0; at < 10; at++) writer.push(OP.response, 1, 0, Buffer.alloc(64 << 10));
  expect(batches).toHaveLength(2);
  for (const { bytes } of batches) expect(bytes.length).toBe(256 << 10);
});

test("a large buffer that comes back is used for a later batch, and no other", () => {
  const batches: Batch[] = [];
  const writer = new BatchWriter((batch) => batches.push(batch));
  const sendLarge = () => {
    writer.push(OP.response, 1, 0, Buffer.alloc(64 << 10, "x"));
    writer.flush();
    return batches.at(-1)!.bytes;
  };
  const first = sendLarge();
  writer.reuse(first.buffer);
  writer.reuse(new ArrayBuffer(5));
  const again = sendLarge();
  expect(again.buffer).toBe(first.buffer);
  expect(Buffer.from(again).equals(Buffer.alloc(64 << 10, "x"))).toBe(true);
  expect(sendLarge().buffer).not.toBe(first.buffer);
});

test("nothing gives no batch", () => {
  const batches: Batch[] = [];
  new BatchWriter((batch) => batches.push(batch)).flush();
  expect(batches).toHaveLength(0);
});
