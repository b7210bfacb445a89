import { describe, expect, it } from "vitest";
import { createConnectionReader } from "../../src/exchange/connection.js";
import type { Exchange, ReaderHandlers } from "../../src/exchange/exchange.js";
import { CORPUS } from "../exchange/corpus.js";
import { fuzz, mutate, type Random } from "./mutations.js";

const SECONDS = Number(process.env.OXIMY_FUZZ_SECONDS ?? 2);
const LIMITS = { maxBody: 500, maxTail: 50, maxHeader: 1000 };
const CAUSES = ["ended", "client_aborted", "server_closed", "capture_lost"] as const;

/** Checks what every reader promises, whatever the bytes. */
function checkedHandlers(): { handlers: ReaderHandlers; gaveUp: string[] } {
  const gaveUp: string[] = [];
  const check = (exchange: Exchange): void => {
    for (const { body } of [exchange.request, exchange.response ?? exchange.request]) {
      const kept = body.head.length + (body.tail?.length ?? 0);
      if (kept > LIMITS.maxBody + LIMITS.maxTail || kept > body.length) throw new Error("keeps too much");
    }
    if (exchange.endedAt < exchange.startedAt) throw new Error("ends before it starts");
  };
  const handlers: ReaderHandlers = {
    onExchange(exchange) {
      check(exchange);
      if (gaveUp.length > 0) throw new Error("an exchange after giving up");
    },
    onMessage(exchange, message) {
      check(exchange);
      if (message.data.length > LIMITS.maxBody) throw new Error("a message that is too long");
    },
    onGiveUp: (reason) => gaveUp.push(reason),
  };
  return { handlers, gaveUp };
}

function readMutated(random: Random): void {
  const { protocol, steps } = random.oneOf(CORPUS);
  const { handlers, gaveUp } = checkedHandlers();
  const asked = random.below(5) === 0 ? random.oneOf(["http/1.1", "h2", undefined] as const) : protocol;
  const reader = createConnectionReader({ protocol: asked, scheme: "http", limits: LIMITS }, handlers);
  const mutated = random.below(steps.length);
  let time = 0;
  for (const [i, [direction, text]] of steps.entries()) {
    let bytes: Buffer = Buffer.from(text as string, "latin1");
    if (i === mutated || random.below(10) === 0) bytes = mutate(bytes, random);
    const size = random.below(3) === 0 ? 1 + random.below(20) : bytes.length;
    for (let at = 0; at < bytes.length; at += size)
      reader.push(direction, bytes.subarray(at, at + size), time++);
    if (random.below(30) === 0) reader.end(direction, time++);
  }
  reader.close(random.oneOf(CAUSES), time);
  // What the guard had to catch is an error of ours: a reader knows what it does not understand.
  expect(gaveUp.filter((reason) => reason === "reader_failed")).toEqual([]);
  expect(gaveUp.length).toBeLessThan(2);
}

function readNoise(random: Random): void {
  const { handlers, gaveUp } = checkedHandlers();
  const protocol = random.oneOf(["http/1.1", "h2", undefined] as const);
  const reader = createConnectionReader({ protocol, scheme: "https", limits: LIMITS }, handlers);
  for (let time = 0; time < 20; time++) {
    reader.push(random.oneOf(["request", "response"]), random.bytes(random.below(200)), time);
  }
  reader.close(random.oneOf(CAUSES), 20);
  expect(gaveUp.filter((reason) => reason === "reader_failed")).toEqual([]);
}

describe("whatever the bytes, nothing is thrown and the limits hold", () => {
  it.each([
    ["mutated connections", readMutated],
    ["noise", readNoise],
  ])(
    "for %s",
    async (name, target) => {
      const runs = await fuzz(target);
      console.log(`${runs} runs of ${name}`);
    },
    (SECONDS + 20) * 1000,
  );
});
