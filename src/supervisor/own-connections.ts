/** The last guard against connections that go round in a circle. */

import type { Identified } from "../engine/engine.js";

/**
 * Refuses a connection that this very process made. Our own carry the group that the rules of the redirect leave alone;
 * should rules fail at that, each would bring another one.
 */
export async function refuseOwn(
  accepted: { reject(): void },
  client: Promise<Identified>,
  pid = process.pid,
): Promise<void> {
  const { owner } = await client;
  if (owner.kind === "process" && owner.process.pid === pid) accepted.reject();
}
