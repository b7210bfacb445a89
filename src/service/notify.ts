/** Tells systemd that the service is ready and alive (sd_notify(3)), by its own tool: Node has no datagrams of AF_UNIX. */

import { spawn } from "node:child_process";

export interface Notifier {
  ready(): void;
  close(): void;
}

/** Does nothing where systemd did not start us. The variables are taken out: no child is to speak for us. */
export function serviceNotifier(env: NodeJS.ProcessEnv = process.env): Notifier {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: limit } = env;
  for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete env[name];
  if (socket === undefined || socket === "") return { ready: () => {}, close: () => {} };
  const tell = (...args: string[]) => {
    const { PATH = "/usr/bin:/bin" } = env;
    // Where the tool is missing systemd ends us, and the journal says of what we died.
    spawn("systemd-notify", args, { env: { PATH, NOTIFY_SOCKET: socket }, stdio: "ignore" }).on(
      "error",
      () => {},
    );
  };
  let alive: NodeJS.Timeout | undefined;
  return {
    ready: () => {
      tell("--ready");
      // Three times within the limit, from the loop that answers the proxy.
      const every = Number(limit) / 1_000 / 3;
      if (every > 0) alive = setInterval(() => tell("WATCHDOG=1"), every).unref();
    },
    close: () => {
      clearInterval(alive);
      tell("STOPPING=1");
    },
  };
}
