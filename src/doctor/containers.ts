/** Whether the connections of containers are captured. */

import type { RunningContainer } from "../attribution/container/running-containers.js";
import type { ClientContainer } from "../connection/container.js";
import { type States, standingOf } from "../supervisor/containers/standing.js";
import { type Finding, ok, warning } from "./finding.js";

export const titleOf = ({ name, id, runtime }: ClientContainer): string =>
  `${name ?? id.slice(0, 12)} (${runtime})`;

/** A summary line, and one for each container that is left alone. */
export function containerFindings(running: readonly RunningContainer[], states: States): Finding[] {
  if (running.length === 0) return [ok("containers", "none runs")];
  const standings = running.map((container) => ({ container, ...standingOf(container, states) }));
  const alone = standings.filter(({ how }) => how === "left_alone");
  const captured = standings.filter(({ how }) => how === "captured").length;
  const summary =
    states === "none"
      ? `${running.length} run; no capture of containers runs`
      : states === "secret"
        ? `${running.length} run; only root can see which are captured`
        : `${running.length} run, ${captured} of them captured`;
  return [
    ok("containers", summary),
    ...alone.map(({ container, why }) =>
      warning(
        "container",
        `${titleOf(container.container)} is left alone, since a test connection failed in it: ${why}`,
        "A firewall in it that blocks loopback may be the cause. To capture a command in it anyway: oximy run -- COMMAND",
      ),
    ),
  ];
}
