import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLab, type Lab } from "../../lab/lab.js";
import type { ExecOptions, ExecResult } from "../../lab/lab-process.js";
import type { LabServer } from "../../lab/lab-server.js";
import { usePrivateCopies } from "../../lab/private-copies.js";
import { OXIMY_GID } from "../../src/user/settings.js";
import { ECHO_SERVER } from "./echo-server.js";
import { LabOximy, PROJECT } from "./oximy.js";
import type { ReceivedConnection } from "./servers/received-connection.js";

export const ECHO = "echo.example";
/** Known to the bundle too, for a server of the test's own. */
export const OTHER = "other.example";

/** The way that a client's connections take: past us, as those of our own group do, or through us. */
export type Way = "direct" | "through";

/** Our own group is left alone by the redirect. */
export const groupOf = (way: Way) => (way === "direct" ? { gid: OXIMY_GID } : {});

/** A lab with a running `oximy local` whose bundle knows the echo server, and the server of everything there. */
export class EchoLab {
  private constructor(
    readonly lab: Lab,
    readonly server: LabServer<ReceivedConnection>,
    readonly oximy: LabOximy,
  ) {}

  static start(args: readonly string[] = []): Promise<EchoLab> {
    return EchoLab.inLab(async (lab) => {
      const env = { OXIMY_BUNDLE_FILE: writeBundle(lab, [ECHO, OTHER]) };
      const oximy = await LabOximy.start(lab, ["--trust", "always", ...args], env);
      lab.trust(readFileSync(oximy.certificate, "utf8"));
      return oximy;
    });
  }

  /** With no certificate: what runs in the lab's machine, from private copies, has its TLS read. */
  static startReading(args: readonly string[] = []): Promise<EchoLab> {
    return EchoLab.inLab(async (lab) => {
      await usePrivateCopies(lab);
      return LabOximy.startReading(lab, args, { OXIMY_BUNDLE_FILE: writeBundle(lab, [ECHO]) });
    });
  }

  private static async inLab(startOximy: (lab: Lab) => Promise<LabOximy>): Promise<EchoLab> {
    const lab = await createLab();
    try {
      const server = await lab.addServerOf(ECHO_SERVER, { names: [ECHO] });
      return new EchoLab(lab, server, await startOximy(lab));
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Runs a client that trusts the lab's root and ours. Its working directory is the project. */
  run(way: Way, command: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const env = { NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt", ...options.env };
    return this.lab.machine.exec(command, args, { cwd: PROJECT, ...options, ...groupOf(way), env });
  }

  async close(): Promise<void> {
    await this.oximy.stop();
    await this.lab.close();
  }
}

/** A bundle that knows these hosts, as one provider of APIs. */
export function writeBundle(lab: Lab, hosts: readonly string[]): string {
  const file = join(lab.dir, "bundle.json");
  const domain_lookup = Object.fromEntries(hosts.map((host) => [host, "echo"]));
  const providers = { echo: { name: "Echo", api_format: "openai" } };
  writeFileSync(file, JSON.stringify({ bundle_version: "1", domain_lookup, providers }));
  return file;
}
