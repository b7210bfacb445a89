import { expect, test } from "vitest";
import { CapturePlane } from "../../src/capture/plane.js";
import { CLOSE_CAUSES, OP } from "../../src/capture/protocol.js";
import { captureOptions, connection, type Echo, nextOf, startPlane } from "./rig.js";

const text = (value: string) => Buffer.from(value, "latin1");
const isLoss = ({ code, told }: Echo) => code === OP.unread && told?.reason === "capture_lost";

test("what a tap is given reaches the thread in order", async () => {
  const { plane, echoes } = await startPlane();
  const tap = plane.open(connection(7));
  tap.push("request", text("one"));
  tap.push("response", text("two"));
  tap.end("request");
  tap.end("response");
  tap.close("server_closed");
  tap.close("ended"); // only the first counts
  tap.push("request", text("late"));
  await plane.flush();
  const told = [];
  while (echoes.size > 0) told.push(await echoes.next());
  expect(told.map(({ code, id, text: said }) => [code, id, said])).toEqual([
    [OP.open, 7, undefined],
    [OP.request, 7, "one"],
    [OP.response, 7, "two"],
    [OP.endRequest, 7, undefined],
    [OP.endResponse, 7, undefined],
    [OP.close, 7, undefined],
  ]);
  expect(CLOSE_CAUSES[told.at(-1)!.argument]).toBe("server_closed");
});

test.each([
  ["throws", "do:throw", /failed: thrown by the test/],
  ["ends itself", "do:exit", /was restarted/],
  ["hangs", "do:hang", /hangs/],
])(
  "a thread that %s is started again, and its open connections are told to be lost",
  async (_how, command, says) => {
    const { plane, echoes, log } = await startPlane({ hangMs: 1_000 });
    const idle = plane.open(connection(1));
    const tap = plane.open(connection(2));
    tap.push("request", text(command));
    await plane.flush(); // resolves although nobody answers
    await nextOf(log, (line) => says.test(line));
    const lost = [await nextOf(echoes, isLoss), await nextOf(echoes, isLoss)];
    expect(lost.map(({ told }) => told!.connection)).toEqual([connection(1), connection(2)]);
    // What is still to come of them is not read; new connections are.
    for (const old of [idle, tap]) {
      old.push("response", text("unheard"));
      old.end("response");
      old.close("ended");
    }
    plane.open(connection(3)).push("request", text("heard"));
    expect(await nextOf(echoes, ({ code }) => code !== OP.open)).toMatchObject({ id: 3, text: "heard" });
    expect((await plane.close())?.lostTaps).toBe(2);
  },
);

test("connections that came, or came and went, while there was no thread are told when there is one", async () => {
  const { plane, echoes, log } = await startPlane();
  const tap = plane.open(connection(1));
  tap.push("request", text("do:exit"));
  tap.close("ended"); // over before the thread could read it
  await plane.flush();
  plane.open(connection(2)).close("ended");
  plane.open(connection(3)).push("request", text("unheard"));
  plane.unread({ connection: connection(4), reason: "runtime_does_not_trust", endedAt: 5 });
  await nextOf(log, (line) => line.includes("restarted; 4 connections"));
  const told = [];
  for (let at = 0; at < 4; at++) told.push((await nextOf(echoes, ({ code }) => code === OP.unread)).told);
  expect(told.map((it) => [it?.connection.id, it?.reason])).toEqual([
    [1, "capture_lost"],
    [2, "capture_lost"],
    [3, "capture_lost"],
    [4, "runtime_does_not_trust"],
  ]);
});

test("a thread that falls behind loses the tap of who is too fast, and of nobody else", async () => {
  const { plane, echoes } = await startPlane({ hangMs: 60_000 });
  const slow = plane.open(connection(1));
  const fast = plane.open(connection(2));
  fast.push("request", text("do:stall"));
  const chunk = Buffer.alloc(64 << 10);
  for (let at = 0; at < 600; at++) fast.push("response", chunk); // 37.5 MiB
  slow.push("response", text("still heard"));
  const loss = await nextOf(echoes, isLoss);
  expect(loss.told!.connection.id).toBe(2);
  expect(await nextOf(echoes, ({ text: said }) => said === "still heard")).toMatchObject({ id: 1 });
  expect((await plane.close())?.lostTaps).toBe(1);
});

test("1 GiB past a thread that reads nothing holds no more than the bound", async () => {
  const { plane, echoes } = await startPlane({ hangMs: 60_000 });
  const before = process.memoryUsage().rss;
  let most = 0;
  const taps = Array.from({ length: 8 }, (_, id) => plane.open(connection(id)));
  taps[0]!.push("request", text("do:stall"));
  const chunk = Buffer.alloc(64 << 10, "x");
  for (let at = 0; at < 16_384; at++) {
    taps[at % taps.length]!.push("response", chunk);
    if (at % 64 === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, process.memoryUsage().rss - before);
    }
  }
  expect(most / 2 ** 20).toBeLessThan(160);
  const lost = new Set<number>();
  while (lost.size < taps.length) lost.add((await nextOf(echoes, isLoss)).told!.connection.id);
});

test.each([
  ["reports why", "failed", "no room"],
  ["throws", "throw", "thrown at the start"],
  ["ends", "exit", "it exited with code 3"],
])("a thread that %s at the start fails the start, and is not tried again", async (_how, start, message) => {
  await expect(startPlane({ capture: captureOptions(start) })).rejects.toThrow(message);
});

test("closing ends a thread that hangs", { timeout: 15_000 }, async () => {
  const { plane } = await startPlane({ hangMs: 60_000 });
  plane.open(connection(1)).push("request", text("do:hang"));
  const flushed = plane.flush();
  expect(await plane.close()).toBeUndefined();
  await flushed;
  // After its end it takes everything and does nothing.
  plane.open(connection(2)).push("request", text("x"));
  await plane.flush();
  expect(await plane.close()).toBeUndefined();
});

test("an output folder that cannot be written fails the start with its own code", async () => {
  const start = CapturePlane.start({
    capture: captureOptions("/dev/null/traces"),
    bundleDocument: "{}",
    threadUrl: new URL("real-thread.mjs", import.meta.url),
    log: () => {},
  });
  await expect(start).rejects.toMatchObject({ code: "OXIMY_E_OUTPUT_DIR" });
});
