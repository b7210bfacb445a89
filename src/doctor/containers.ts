/** Whether what containers send is captured. */

import type { RunningContainer } from "../attribution/container/running-containers.js";
import type { ClientContainer } from "../connection/container.js";
import { type States, standingOf } from "../supervisor/containers/standing.js";
import { type Finding, ok, warning } from "./finding.js";

export const titleOf = ({ name, id, runtime }: ClientContainer): string =>
  `${name ?? id.slice(0, 12)} (${runtime})`;

/** One line for all, and one for each that is left alone. */
export function containerFindings(running: readonly RunningContainer[], states: States): Finding[] {
  if (running.length === 0) return [ok("containers", "none runs")];
  const standings = running.map((container) => ({ container, ...standingOf(container, states) }));
  const alone = standings.filter(({ how }) => how === "left_alone");
  const captured = standings.filter(({ how }) => how === "captured").length;
  const summary =
    states === "none"
      ? `${running.length} run; no capture of containers runs`
      : states === "secret"
        ? `${running.length} run; which are captured, root alone can tell`
        : `${running.length} run, ${captured} of them captured`;
  return [
    ok("containers", summary),
    ...alone.map(({ container, why }) =>
      warning(
        "container",
        `${titleOf(container.container)} is left alone, since a test connection failed in it: ${why}`,
        "A firewall inside that lets nothing pass over loopback may be why. Its calls go unseen, but for: oximy run -- COMMAND inside of it",
      ),
    ),
  ];
}
