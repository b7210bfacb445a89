/** What a capture is told to do: the command line, environment and configuration file come down to this. */

import { homedir } from "node:os";
import { join } from "node:path";
import { DEFAULT_BUNDLE_URL } from "../oisp/load.js";
import type { OtlpSettings } from "./otlp-settings.js";
import type { SyslogSettings } from "./syslog-settings.js";

/** Our own connections carry this primary group, by which the redirect leaves them alone. It has no name in /etc/group. */
export const OXIMY_GID = 28_536;

export interface AppTerm {
  readonly sign: "include" | "exclude";
  readonly term: string;
}

/** Plain data: it crosses a process border. */
export interface CaptureSettings {
  /** `~/.oximy`, or what `OXIMY_HOME` says. */
  readonly home: string;
  readonly outputDir: string;
  readonly includeRaw: boolean;
  /** Bytes kept of each body, start and end together. */
  readonly maxBody: number;
  readonly keepDays?: number;
  /** Bytes that event files may have together. */
  readonly keepSize?: number;
  readonly bundleUrl: string;
  readonly bundleFile?: string;
  readonly bundleRefreshHours: number;
  /** False: the bundle is read without our own facts over it. */
  readonly supplement: boolean;
  /** False: traffic is relayed and nothing is written. */
  readonly enabled: boolean;
  /** In the order given on the command line. */
  readonly apps: readonly AppTerm[];
  readonly users: readonly string[];
  /** Decrypt every host, not only those of the bundle; only together with `apps`. */
  readonly allHosts: boolean;
  /** Hosts of MCP servers, `host` or `host:port`: read as those of the bundle are. */
  readonly mcpHost?: readonly string[];
  /** Decrypt a copy with the secrets of the clients' own TLS sessions, where the system lets us. */
  readonly read: boolean;
  /** End TLS sessions under a certificate of ours, where the client trusts it. */
  readonly intercept: boolean;
  /** `predicted`: only programs that are known to trust our certificate, and one trial of the others. */
  readonly trust: "predicted" | "always";
  /** An executable that is told of findings. */
  readonly onFinding?: string;
  /** A collector that is told of the events. */
  readonly otlp?: OtlpSettings;
  /** A log server that is told of the events. */
  readonly syslog?: SyslogSettings;
  /** Post events to the terminal. */
  readonly feed: boolean;
}

/** `~/.oximy` of a home folder, unless `OXIMY_HOME` moves it. */
export function oximyHome(env: NodeJS.ProcessEnv = process.env, home = homedir()): string {
  return env.OXIMY_HOME || join(home, ".oximy");
}

export function defaultSettings(home: string): CaptureSettings {
  return {
    home,
    outputDir: join(home, "traces"),
    includeRaw: true,
    maxBody: 8 << 20,
    bundleUrl: DEFAULT_BUNDLE_URL,
    bundleRefreshHours: 24,
    supplement: true,
    enabled: true,
    apps: [],
    users: [],
    allHosts: false,
    read: true,
    intercept: true,
    trust: "predicted",
    feed: true,
  };
}

/** The certificate in the folder of a CA. */
export const CA_CERTIFICATE_FILE = "oximy-ca-cert.pem";

/** Of the CA that is the user's own: `oximy proxy` and `oximy run` show its certificates. */
export const caDirectory = (home: string): string => join(home, "ca");

export const ownCertificatePath = (home: string): string => join(caDirectory(home), CA_CERTIFICATE_FILE);

export const pinsFile = (home: string): string => join(home, "pins.json");
