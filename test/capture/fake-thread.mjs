/**
 * A capture thread for tests: echoes each operation as an event, and does what the pushed text tells it.
 * The output folder tells how it starts: `exit`, `throw` or `failed`.
 */
import { parentPort, workerData } from "node:worker_threads";

const start = workerData.options.outputDir;
const read = new Int32Array(workerData.progress);
let stalled = false;

const COMMANDS = {
  "do:throw": () => {
    throw new Error("thrown by the test");
  },
  "do:exit": () => process.exit(3),
  "do:hang": () => {
    for (;;);
  },
  "do:stall": () => {
    stalled = true;
  },
};

function visit({ ops, bytes, infos }) {
  let offset = 0;
  for (let at = 0; at < ops.length; at += 4) {
    const [code, id, , argument] = ops.subarray(at, at + 4);
    const isPush = code === 1 || code === 2;
    const text = isPush
      ? Buffer.from(bytes.subarray(offset, offset + argument)).toString("latin1")
      : undefined;
    if (isPush) offset += argument;
    COMMANDS[text]?.();
    const told = code === 0 || code === 6 ? infos[argument] : undefined;
    if ((text?.length ?? 0) > 1000) continue;
    parentPort.postMessage({ type: "events", events: [{ code, id, argument, text, told }] });
  }
}

if (start === "exit") process.exit(3);
if (start === "throw") throw new Error("thrown at the start");
if (start === "failed") {
  parentPort.postMessage({
    type: "failed",
    code: "OXIMY_E_OUTPUT_DIR",
    message: "no room",
    advice: "make some",
  });
} else {
  parentPort.on("message", (message) => {
    if (message.type === "batch") {
      visit(message);
      if (!stalled) Atomics.add(read, 0, Math.ceil(message.bytes.length / 1024) + 1);
    }
    if (message.type === "flush") parentPort.postMessage({ type: "flushed", id: message.id });
    if (message.type === "close") {
      const counters = { events: 0, dropped: 0, lostTaps: 0, gaveUp: {}, lostEvents: 0 };
      parentPort.postMessage({ type: "closed", counters });
    }
  });
  parentPort.postMessage({ type: "ready" });
}
