/** The last guard against connection loops. */

import type { Identified } from "../engine/engine.js";

/**
 * Refuses a connection that this very process made. Ours carry the group that the redirect's rules leave alone; if the
 * rules failed at that, each connection would cause another.
 */
export async function refuseOwn(
  accepted: { reject(): void },
  client: Promise<Identified>,
  pid = process.pid,
): Promise<void> {
  const { owner } = await client;
  if (owner.kind === "process" && owner.process.pid === pid) accepted.reject();
}
