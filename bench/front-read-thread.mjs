/** Takes the batches of bench/passthrough-relay.ts as the capture thread does, and gives large buffers back. */
import { parentPort, workerData } from "node:worker_threads";

const read = new Int32Array(workerData);

parentPort.on("message", ({ ops, bytes }) => {
  let length = 0;
  for (let at = 0; at < ops.length; at += 4) if (ops[at] <= 2) length += ops[at + 3];
  if (length !== bytes.length) throw new Error(`${bytes.length} bytes in a batch with ${length}`);
  Atomics.add(read, 0, 1);
  const { buffer } = bytes;
  if (buffer.byteLength > bytes.length) parentPort.postMessage(buffer, [buffer]);
});
