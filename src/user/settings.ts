/** Settings of a capture: the result of command line, environment and configuration file. */

import { homedir } from "node:os";
import { join } from "node:path";
import { DEFAULT_BUNDLE_URL } from "../oisp/load.js";
import type { OtlpSettings } from "./otlp-settings.js";
import type { SyslogSettings } from "./syslog-settings.js";

/** Primary group of our own processes, whose connections the redirect exempts. It has no name in /etc/group. */
export const OXIMY_GID = 28_536;

export interface AppTerm {
  readonly sign: "include" | "exclude";
  readonly term: string;
}

/** Plain data, sent between processes. */
export interface CaptureSettings {
  /** `~/.oximy`, or the value of `OXIMY_HOME`. */
  readonly home: string;
  readonly outputDir: string;
  readonly includeRaw: boolean;
  /** Bytes kept of each body, in total from its start and its end. */
  readonly maxBody: number;
  readonly keepDays?: number;
  /** Most total bytes of event files. */
  readonly keepSize?: number;
  readonly bundleUrl: string;
  readonly bundleFile?: string;
  readonly bundleRefreshHours: number;
  /** False: the bundle is used without our supplement. */
  readonly supplement: boolean;
  /** False: traffic is relayed and nothing is written. */
  readonly enabled: boolean;
  /** In the order given on the command line. */
  readonly apps: readonly AppTerm[];
  readonly users: readonly string[];
  /** Decrypt every host, not only those of the bundle; only together with `apps`. */
  readonly allHosts: boolean;
  /** Hosts of MCP servers, `host` or `host:port`: read like those of the bundle. */
  readonly mcpHost?: readonly string[];
  /** Decrypt a copy with the secrets of the clients' own TLS sessions, where the system allows it. */
  readonly read: boolean;
  /** Terminate TLS with our certificate, where the client trusts it. */
  readonly intercept: boolean;
  /** `predicted`: only programs known to trust our certificate, and one attempt with the others. */
  readonly trust: "predicted" | "always";
  /** An executable that is run for findings. */
  readonly onFinding?: string;
  /** A collector to export events to. */
  readonly otlp?: OtlpSettings;
  /** A log server to export events to. */
  readonly syslog?: SyslogSettings;
  /** Print events to the terminal. */
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

/** Folder of the user's own CA, which `oximy proxy` and `oximy run` use. */
export const caDirectory = (home: string): string => join(home, "ca");

export const ownCertificatePath = (home: string): string => join(caDirectory(home), CA_CERTIFICATE_FILE);

export const pinsFile = (home: string): string => join(home, "pins.json");
