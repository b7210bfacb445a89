/** Whether a container that runs is captured, for people who ask. */

import type { RunningContainer } from "../../attribution/container/running-containers.js";
import type { ContainerState } from "./held-container.js";
import type { Way } from "./networks.js";

/** A capture's states of the containers; `none` if none is running that captures them, `secret` without root. */
export type States = readonly ContainerState[] | "none" | "secret";

export interface Standing {
  readonly how: "captured" | "waiting" | "left_alone" | "not_now" | "unknown";
  /** Plain words, without a full stop at the end. */
  readonly why: string;
}

export function standingOf({ space, network }: RunningContainer, states: States): Standing {
  if (network === "machine")
    return { how: "captured", why: "as the rest of the machine, whose network it has" };
  if (states === "none") return { how: "not_now", why: "no capture of containers runs" };
  if (states === "secret" || network === "unknown") return { how: "unknown", why: "only root can see it" };
  const state = states.find((found) => found.space === space);
  switch (state?.state) {
    case "captured":
      return { how: "captured", why: `${WAYS[state.by ?? "rules"]}${unseenOf(state)}` };
    case "left_alone":
      return { how: "left_alone", why: state.reason ?? "its redirect did not work" };
    case "waiting":
      return { how: "waiting", why: "its network leads nowhere yet, or is being looked at" };
    case undefined:
      return { how: "waiting", why: "it was not found yet" };
  }
}

const WAYS: Readonly<Record<Way, string>> = {
  rules: "its connections are redirected in its own network",
  rewrite: "its connections are redirected as they begin, ahead of its own firewall",
};

const unseenOf = ({ unseen }: ContainerState) =>
  unseen === 0 ? "" : `; ${unseen} that came too early ${unseen === 1 ? "was" : "were"} not seen`;
