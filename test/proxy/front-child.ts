/**
 * A front in a process of its own, for tests that limit or stop that process. Tells its port; then obeys
 * messages. Connections are held: only `reject` gives a verdict, and `rejectOthers` on all but the next; with `passes`
 * all pass through to where they meant to go.
 */
import { NativeFront } from "../../src/proxy/accept/front-native.js";

export type Order =
  | "stats"
  | "reject"
  | "rejectOthers"
  | "exit"
  | { readonly spinFor: number }
  | { readonly countPauses: number };

const { gid, listen, passes, ...options } = JSON.parse(process.argv[2] ?? "{}");
if (gid !== undefined) process.setegid!(gid);

const ids: number[] = [];
let heldOfNext = Number.POSITIVE_INFINITY;
const front = new NativeFront(
  { listen: listen ?? [{ address: "127.0.0.1", port: 0 }], ...options },
  {
    onConnection(connection) {
      if (heldOfNext-- <= 0) return front.reject(connection.id);
      ids.push(connection.id);
      process.send!({ connection: { ...connection, peeked: connection.peeked.toString("latin1") } });
      if (passes && connection.destination) front.passthrough(connection.id, connection.destination);
    },
    onPassthroughEnd: (end) => process.send!({ end }),
  },
);
process.send!({ port: front.addresses[0]!.port });

/** How much CPU time goes by, and how much real time, until accepting has paused so many times more. */
function countPauses(more: number): void {
  const until = front.stats().acceptPauses + more;
  const [cpu, time] = [process.cpuUsage(), performance.now()];
  const timer = setInterval(() => {
    if (front.stats().acceptPauses < until) return;
    clearInterval(timer);
    const used = process.cpuUsage(cpu);
    process.send!({ cpuMs: (used.user + used.system) / 1000, elapsedMs: performance.now() - time });
  }, 10);
}

process.on("message", (order: Order) => {
  if (order === "reject") for (const id of ids.splice(0)) front.reject(id);
  if (order === "exit") process.exit(0);
  if (order === "rejectOthers") heldOfNext = 1;
  else if (order === "stats" || order === "reject") process.send!({ stats: front.stats() });
  else if ("countPauses" in order) countPauses(order.countPauses);
  else {
    process.send!("spinning");
    for (const until = Date.now() + order.spinFor; Date.now() < until; );
  }
});
process.on("disconnect", () => process.exit(0));
