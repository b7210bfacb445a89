/** Reports readiness and liveness to systemd (sd_notify(3)) by its own tool: Node lacks AF_UNIX datagrams. */

import { spawn } from "node:child_process";

export interface Notifier {
  ready(): void;
  close(): void;
}

/** Does nothing unless systemd started us. The variables are removed, so that no child can notify in our place. */
export function serviceNotifier(env: NodeJS.ProcessEnv = process.env): Notifier {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: limit } = env;
  for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete env[name];
  if (socket === undefined || socket === "") return { ready: () => {}, close: () => {} };
  const notify = (...args: string[]) => {
    const { PATH = "/usr/bin:/bin" } = env;
    // If the tool is missing, systemd ends us, and the journal has the reason.
    spawn("systemd-notify", args, { env: { PATH, NOTIFY_SOCKET: socket }, stdio: "ignore" }).on(
      "error",
      () => {},
    );
  };
  let alive: NodeJS.Timeout | undefined;
  return {
    ready: () => {
      notify("--ready");
      // Three times within the limit, from the event loop that answers the proxy.
      const every = Number(limit) / 1_000 / 3;
      if (every > 0) alive = setInterval(() => notify("WATCHDOG=1"), every).unref();
    },
    close: () => {
      clearInterval(alive);
      notify("STOPPING=1");
    },
  };
}
