import { expect, it } from "vitest";
import type { Identified } from "../../src/engine/engine.js";
import { refuseOwn } from "../../src/supervisor/own-connections.js";

const OURS = 4_711;
const madeBy = (pid: number): Identified =>
  ({ owner: { kind: "process", process: { pid } } }) as unknown as Identified;

it.each([
  ["of the proxy's own is refused, and goes round in no circle", madeBy(OURS), 1],
  ["of another process is taken", madeBy(OURS + 1), 0],
  ["of nobody knows whom is taken", { owner: { kind: "unknown" } } as unknown as Identified, 0],
])("a connection %s", async (_, client, times) => {
  let refused = 0;
  await refuseOwn({ reject: () => void refused++ }, Promise.resolve(client), OURS);
  expect(refused).toBe(times);
});
