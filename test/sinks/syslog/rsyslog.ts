/** The real rsyslogd, with a configuration of the test's own. */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { temporaryFolder } from "../../temporary-folder.js";

const RSYSLOGD = "rsyslogd";
export const RSYSLOG_IS_THERE = spawnSync(RSYSLOGD, ["-v"]).status === 0;

interface RsyslogPlaces {
  readonly folder: string;
  /** Free on loopback when the configuration is made. */
  readonly port: number;
  readonly socket: string;
  /** What is to be written to. */
  readonly written: string;
}

interface Rsyslog extends RsyslogPlaces {
  lines(): string[];
}

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Runs until the test is over. What it listens on need not be there yet but for its socket. */
export async function startRsyslog(configurationOf: (places: RsyslogPlaces) => string): Promise<Rsyslog> {
  const folder = temporaryFolder();
  const places = {
    folder,
    port: await freePort(),
    socket: join(folder, "log"),
    written: join(folder, "written"),
  };
  const configuration = join(folder, "rsyslog.conf");
  writeFileSync(places.written, "");
  // Sockets come after the rest: that of this input says that all is there.
  writeFileSync(
    configuration,
    `global(workDirectory="${folder}")
${configurationOf(places)}
module(load="imuxsock" SysSock.Use="off") input(type="imuxsock" Socket="${places.socket}")
`,
  );
  const child = spawn(RSYSLOGD, ["-n", "-f", configuration, "-i", join(folder, "pid")], { stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  await expect.poll(() => existsSync(places.socket), { timeout: 20_000 }).toBe(true);
  return { ...places, lines: () => readFileSync(places.written, "utf8").split("\n").filter(Boolean) };
}
