/** What is known of a container while it runs. */

import type { ContainerRef } from "../../connection/container.js";
import type { FoundNetwork } from "./discovery.js";
import type { Way } from "./networks.js";

/** What is known of a container that runs: for people, and for who asks later. */
export interface ContainerState {
  /** Its network namespace, which other containers may be in too. */
  readonly space: string;
  readonly container: ContainerRef;
  readonly state: "waiting" | "captured" | "left_alone";
  /** How it is captured. */
  readonly by?: Way;
  /** Why it is left alone. */
  readonly reason?: string;
  /** Connections that began before it was captured: nothing is known of them. */
  readonly unseen: number;
}

type State =
  /** It has no way out yet: there is nothing that could be proved. */
  | "waiting"
  | "proving"
  | "captured"
  /** Until the container ends. What is open in it is still kept: its network is held as long. */
  | "left_alone";

export interface HeldContainer {
  readonly space: string;
  readonly container: ContainerRef;
  /** Undefined until it is held, and once it was let go of. */
  network: number | undefined;
  /** Undefined until it was held. */
  cookie: bigint | undefined;
  pid: number;
  state: State;
  /** The one in use, or to be tried next. */
  way: Way;
  /** Its firewall is of iptables-legacy, whose changes the kernel does not report. */
  isUnreported: boolean;
  lookedAtTables: number;
  /** Why each that was tried failed, since one of them worked. */
  readonly failed: Map<Way, string>;
  /** The addresses that its network had a route to at the last trial. */
  ways: readonly string[];
  /** Those of them that are redirected. */
  led: readonly string[];
  /** Others' rules there have, since the proof that runs has begun. */
  isChanged: boolean;
  /** Its links, addresses or routes have, since the proof that ran last had begun. */
  areWaysChanged: boolean;
  reason: string | undefined;
  foundAt: number;
  provedAt: number;
  /** Since when all its connections are redirected. */
  capturedAt: number;
  /** Connections of it may be with us: they need what keeps them, whatever becomes of new ones. */
  wasCaptured: boolean;
  /** Proofs that failed one after the other, since it was captured. */
  failures: number;
  /** Nothing is tried before. */
  restsUntil: number;
  unseen: number;
}

export const heldContainer = ({ space, pid, container }: FoundNetwork, now: number): HeldContainer => ({
  space,
  container,
  pid,
  network: undefined,
  cookie: undefined,
  state: "waiting",
  way: "rules",
  isUnreported: false,
  lookedAtTables: Number.NEGATIVE_INFINITY,
  failed: new Map(),
  ways: [],
  led: [],
  isChanged: false,
  areWaysChanged: false,
  reason: undefined,
  foundAt: now,
  provedAt: Number.NEGATIVE_INFINITY,
  capturedAt: Number.POSITIVE_INFINITY,
  wasCaptured: false,
  failures: 0,
  restsUntil: Number.NEGATIVE_INFINITY,
  unseen: 0,
});

/** Its new connections go directly, until it is proved anew. */
export function wait(held: HeldContainer): void {
  held.capturedAt = Number.POSITIVE_INFINITY;
  held.state = "waiting";
}

export const nameOf = ({ container: { runtime, id } }: HeldContainer) => `${id.slice(0, 12)} (${runtime})`;

export const stateOf = ({
  space,
  container: { runtime, id },
  state,
  way,
  reason,
  unseen,
}: HeldContainer): ContainerState => ({
  space,
  container: { runtime, id },
  state: state === "proving" ? "waiting" : state,
  ...(state === "captured" && { by: way }),
  ...(reason !== undefined && { reason }),
  unseen,
});
