/**
 * The relay under test, as a process of its own: `node --import tsx bench/passthrough-relay.ts KIND PORT`.
 *
 *   pipe    `a.pipe(b); b.pipe(a)` in Node
 *   front   the native front, passing through
 *   read    the native front, and what passes is handed to another thread
 */
import net from "node:net";
import { Worker } from "node:worker_threads";
import type { FrontConnection, TapBatch } from "../src/proxy/accept/front.js";
import { NativeFront } from "../src/proxy/accept/front-native.js";

const [kind, port] = process.argv.slice(2);
const upstream = { address: "127.0.0.1", port: Number(port) };
const listenAt = [{ address: "127.0.0.1", port: 0 }];
let lostTaps = 0;

function listenAndPass(): number {
  const front: NativeFront = new NativeFront(
    { listen: listenAt },
    { onConnection: ({ id }) => front.passthrough(id, upstream), onPassthroughEnd() {} },
  );
  return front.addresses[0]!.port;
}

/** Hands batches over as the capture plane does, and acknowledges those that the thread has read. */
function listenAndRead(): number {
  const shared = new SharedArrayBuffer(4);
  const read = new Int32Array(shared);
  let posted = 0;
  const unread: { readonly number: number; readonly shares: Float64Array }[] = [];
  const thread = new Worker(new URL("front-read-thread.mjs", import.meta.url), {
    workerData: shared,
    execArgv: [],
  });
  const acknowledge = () => {
    const done = Atomics.load(read, 0);
    while (unread.length > 0 && unread[0]!.number <= done) {
      const { shares } = unread.shift()!;
      for (let at = 0; at < shares.length; at += 2) front.tapConsumed(shares[at]!, shares[at + 1]!);
    }
  };
  thread.on("message", (buffer: ArrayBuffer) => front.giveTapBuffer(buffer));
  const front: NativeFront = new NativeFront(
    { listen: listenAt },
    {
      onConnection: ({ id }: FrontConnection) =>
        front.read(id, upstream, { maxTapBytes: 32 << 20, hold: false }),
      onTap({ ops, bytes, shares }: TapBatch) {
        unread.push({ number: ++posted, shares });
        thread.postMessage({ ops, bytes }, [ops.buffer as ArrayBuffer, bytes.buffer]);
        acknowledge();
      },
      onTapLost: () => lostTaps++,
    },
  );
  return front.addresses[0]!.port;
}

function listenAndPipe(): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const socket = net.connect({
      host: upstream.address,
      port: upstream.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    client.on("error", () => socket.destroy());
    socket.on("error", () => client.destroy());
    client.pipe(socket);
    socket.pipe(client);
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port)),
  );
}

/** Each message asks for what was used so far. */
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send!({ cpu: user + system, memory: process.memoryUsage().rss, lostTaps });
});
process.on("disconnect", () => process.exit());
const listenBy = { front: listenAndPass, read: listenAndRead, pipe: listenAndPipe };
process.send!(await listenBy[kind as keyof typeof listenBy]());
