import { MessageChannel } from "node:worker_threads";
import { expect, test } from "vitest";
import { withTimeout } from "../../src/attribution/time-limit.js";

test("an answer that comes in time is given, and one that does not is replaced", async () => {
  expect(await withTimeout(10_000, Promise.resolve("answer"), () => "too late")).toBe("answer");
  expect(await withTimeout(1, new Promise(() => {}), () => "too late")).toBe("too late");
});

test("an answer that arrived while the event loop was busy is not too late", async () => {
  // From here, timers are the next that the event loop looks at.
  await new Promise(setImmediate);
  const answer = new Promise<string>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port2.once("message", () => {
      resolve("answer");
      port1.close();
    });
    port1.postMessage("now");
  });
  const outcome = withTimeout(1, answer, () => "too late");
  const busyUntil = performance.now() + 20;
  while (performance.now() < busyUntil);
  expect(await outcome).toBe("answer");
});

test("an error is handed on", async () => {
  await expect(withTimeout(10_000, Promise.reject(new Error("no")), () => "too late")).rejects.toThrow("no");
});
