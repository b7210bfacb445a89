/** The options of all capturing commands, in one table; option-sources.ts reads their values. */

import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { OximyError } from "../errors.js";
import type { LoadOptions } from "../oisp/load.js";
import { mcpHostOf } from "../oisp/mcp-hosts.js";
import { type OtlpNames, otlpSettings } from "../user/otlp-settings.js";
import { type AppTerm, type CaptureSettings, defaultSettings } from "../user/settings.js";
import { parseSyslogAddress, SYSLOG_FORMATS, type SyslogFormat } from "../user/syslog-settings.js";
import {
  camel,
  contradictions,
  readSources,
  resolved,
  resolveValue,
  type ValueSource,
  variable,
} from "./option-sources.js";

type Parse = (text: string) => unknown;

export interface CaptureOption {
  /** Key in the configuration file; in capitals with `OXIMY_` before it, the environment variable. */
  readonly key: string;
  /** In commander's syntax; absent for an option without a flag. */
  readonly flags?: string;
  readonly description: string;
  readonly parse: Parse;
}

const text: Parse = (value) => {
  if (value === "") throw new InvalidArgumentError("It is empty.");
  return value;
};
const path: Parse = (value) => resolve(text(value) as string);
const number =
  (least: number): Parse =>
  (value) => {
    const parsed = Number(value);
    if (value.trim() === "" || !Number.isFinite(parsed) || parsed < least) {
      throw new InvalidArgumentError(`It must be a number of at least ${least}.`);
    }
    return parsed;
  };
const truth: Parse = (value) => {
  if (/^(1|true|yes|on)$/i.test(value)) return true;
  if (/^(0|false|no|off)$/i.test(value)) return false;
  throw new InvalidArgumentError("It must be true or false.");
};
const oneOf =
  (...values: readonly string[]): Parse =>
  (value) => {
    if (!values.includes(value)) throw new InvalidArgumentError(`It must be ${values.join(" or ")}.`);
    return value;
  };
const url: Parse = (value) => {
  if (!URL.canParse(value) || !/^https?:/.test(value))
    throw new InvalidArgumentError("It must be an http(s) URL.");
  return value;
};
const syslogAddress: Parse = (value) => {
  if (parseSyslogAddress(value) === undefined) {
    throw new InvalidArgumentError("It must be tls://HOST:PORT, tcp://…, udp://… or unix:/dev/log.");
  }
  return value;
};
/** A number of bytes, with K, M or G for powers of 1024. */
export const bytes: Parse = (value) => {
  const match = /^(\d+)([KMG]?)i?B?$/i.exec(value.trim());
  if (!match) throw new InvalidArgumentError("It must be a number of bytes such as 65536, 64K or 8M.");
  return Number(match[1]) * 1024 ** " KMG".indexOf((match[2] || " ").toUpperCase());
};
/** A limit below the size of a few events would keep none. */
const keptBytes: Parse = (value) => {
  const size = bytes(value) as number;
  if (size < 16 << 20) throw new InvalidArgumentError("It must be at least 16M.");
  return size;
};
export const ports: Parse = (value) => {
  const list = value.split(",").map(Number);
  if (list.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535)) {
    throw new InvalidArgumentError("It must be a list of ports such as 443,80.");
  }
  return list;
};

/** A repeated flag adds to the previous values. */
const mcpHosts = (value: string, before: readonly string[] = []): readonly string[] => {
  const hosts = value.split(",").map((each) => mcpHostOf(each.trim()));
  if (hosts.some((host) => host === undefined)) {
    throw new InvalidArgumentError("It must be a host such as mcp.example.com or localhost:3000.");
  }
  return [...before, ...(hosts as string[])];
};

export const CAPTURE_OPTIONS: readonly CaptureOption[] = [
  {
    key: "output_dir",
    flags: "--output-dir <dir>",
    description: "folder for the event files (~/.oximy/traces)",
    parse: path,
  },
  {
    key: "include_raw",
    flags: "--no-include-raw",
    description: "leave the decoded bodies out of the events",
    parse: truth,
  },
  {
    key: "max_body",
    flags: "--max-body <bytes>",
    description: "bytes kept of each body, in total from its start and end (8M)",
    parse: bytes,
  },
  {
    key: "keep_days",
    flags: "--keep-days <n>",
    description: "delete event files older than this",
    parse: number(1),
  },
  {
    key: "keep_size",
    flags: "--keep-size <size>",
    description: "delete the oldest event files when their total size exceeds this, such as 2G",
    parse: keptBytes,
  },
  {
    key: "bundle_url",
    flags: "--bundle-url <url>",
    description: "where the OISP bundle is published",
    parse: url,
  },
  {
    key: "bundle_file",
    flags: "--bundle-file <file>",
    description: "use only this bundle",
    parse: path,
  },
  {
    key: "bundle_refresh_hours",
    flags: "--bundle-refresh-hours <n>",
    description: "age at which the bundle is fetched again (24)",
    parse: number(0.01),
  },
  {
    key: "supplement",
    flags: "--no-supplement",
    description: "use the bundle without Oximy's supplement",
    parse: truth,
  },
  {
    key: "all_hosts",
    flags: "--all-hosts",
    description: "with --app: decrypt every host of those apps",
    parse: truth,
  },
  {
    key: "mcp_host",
    flags: "--mcp-host <host>",
    description: "also read MCP messages of this host (repeatable): host or host:port",
    parse: mcpHosts,
  },
  {
    key: "read",
    flags: "--no-read",
    description: "do not decrypt with the secrets of the programs' own TLS sessions",
    parse: truth,
  },
  {
    key: "intercept",
    flags: "--no-intercept",
    description: "never show a program Oximy's certificate",
    parse: truth,
  },
  {
    key: "trust",
    flags: "--trust <when>",
    description:
      "show the certificate only to programs `predicted` to trust it (others are tried once), or `always`",
    parse: oneOf("predicted", "always"),
  },
  {
    key: "on_finding",
    flags: "--on-finding <command>",
    description: "run this executable for each event in which a credential was found",
    parse: path,
  },
  {
    key: "otlp",
    flags: "--otlp <url>",
    description: "export events to an OpenTelemetry collector, such as http://localhost:4318",
    parse: url,
  },
  {
    key: "otlp_content",
    flags: "--otlp-content",
    description: "include prompts and responses in the export",
    parse: truth,
  },
  {
    key: "otlp_names",
    flags: "--otlp-names <names>",
    description:
      "names of attributes and metrics: `latest`, or `1.40` for those of the conventions 1.37 to 1.40 (latest)",
    parse: oneOf("latest", "1.40"),
  },
  {
    key: "syslog",
    flags: "--syslog <address>",
    description:
      "send events to a log server: tls://HOST:6514, tcp://HOST:514, udp://HOST:514 or unix:/dev/log",
    parse: syslogAddress,
  },
  {
    key: "syslog_format",
    flags: "--syslog-format <format>",
    description: "JSON format: `oximy`, `ecs` or `ocsf` (oximy)",
    parse: oneOf(...SYSLOG_FORMATS),
  },
  {
    key: "syslog_content",
    flags: "--syslog-content",
    description: "include prompts and responses in the messages",
    parse: truth,
  },
  {
    key: "syslog_ca",
    flags: "--syslog-ca <file>",
    description: "roots (PEM) to verify a tls:// log server with, instead of Node's",
    parse: path,
  },
  { key: "json", flags: "--json", description: "print log and feed as JSON lines", parse: truth },
  {
    key: "show_content",
    flags: "--show-content",
    description: "print prompts and responses, too",
    parse: truth,
  },
  { key: "quiet", flags: "--quiet", description: "print warnings and errors only", parse: truth },
  { key: "verbose", flags: "--verbose", description: "enable debug logging", parse: truth },
  { key: "enabled", description: "false relays traffic without writing events", parse: truth },
];

export interface Output {
  readonly json: boolean;
  /** Print prompts and responses below the line of an event. */
  readonly showContent: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

interface SyslogFlags {
  readonly syslog: string;
  readonly syslogFormat: SyslogFormat;
  readonly syslogContent: boolean;
  readonly syslogCa: string;
}

interface OtlpFlags {
  readonly otlp: string;
  readonly otlpContent: boolean;
  readonly otlpNames: OtlpNames;
}

/** Adds the capture options to a command. */
export function addCaptureOptions(command: Command): Command {
  const terms: AppTerm[] = [];
  const collect =
    (sign: AppTerm["sign"], kind = "") =>
    (term: string) => {
      terms.push({ sign, term: `${kind}${term}` });
      return terms;
    };
  command
    .addOption(
      new Option(
        "--app <app>",
        "only this app (repeatable): name, id, bundle id, executable, pid:N, path:GLOB, container:C",
      ).argParser(collect("include")),
    )
    .addOption(
      new Option("--exclude-app <app>", "all but this app (repeatable)").argParser(collect("exclude")),
    )
    .addOption(
      new Option(
        "--container <container>",
        "only this container (repeatable): name, image, id, or the project of Compose",
      ).argParser(collect("include", "container:")),
    )
    .addOption(
      new Option("--exclude-container <container>", "all but this container (repeatable)").argParser(
        collect("exclude", "container:"),
      ),
    )
    .addOption(
      new Option("--user <user>", "only processes of this user (repeatable)").argParser(
        (user: string, users: string[] = []) => [...users, user],
      ),
    );
  for (const { flags, description, parse } of CAPTURE_OPTIONS) {
    if (!flags) continue;
    const option = new Option(flags, description);
    if (flags.includes("<")) option.argParser(parse);
    option.helpGroup?.("Capture options:");
    command.addOption(option);
  }
  return command;
}

/** Each of them holds the terms of all, in the order given. */
const FILTERS = ["app", "excludeApp", "container", "excludeContainer"];

/** The settings of a capturing command, from managed file, flags, environment, file and defaults. */
export function captureSettings(
  command: Command,
  home: string,
  env: NodeJS.ProcessEnv = process.env,
  managedFile?: string,
): { settings: CaptureSettings; output: Output } {
  const sources = readSources(home, CAPTURE_OPTIONS, env, managedFile);
  const values = Object.fromEntries(
    CAPTURE_OPTIONS.map((option) => [camel(option.key), resolveValue(option, command, sources)]).filter(
      ([, value]) => value !== undefined,
    ),
  ) as Partial<Omit<CaptureSettings, "otlp" | "syslog"> & Output & OtlpFlags & SyslogFlags>;
  const { json = false, showContent = false, quiet = false, verbose = false, ...settled } = values;
  const { otlp: url, otlpContent = false, otlpNames = "latest", ...unsent } = settled;
  const { syslog: server, syslogFormat = "oximy", syslogContent = false, syslogCa, ...given } = unsent;
  const address = server === undefined ? undefined : parseSyslogAddress(server);
  const wish = { ...(url !== undefined && { url }), content: otlpContent, names: otlpNames };
  // With `oximy run`, OpenTelemetry's variables are for the command, unless --otlp is given.
  const otlp =
    command.name() === "run" && url === undefined
      ? undefined
      : otlpSettings(wish, sources.managed.otlp === undefined ? env : withoutSwitches(env));
  const appTerms = (FILTERS.map((key) => command.getOptionValue(key)).find(Boolean) ??
    []) as readonly AppTerm[];
  const settings: CaptureSettings = {
    ...defaultSettings(home),
    ...given,
    apps: appTerms,
    users: (command.getOptionValue("user") as string[] | undefined) ?? [],
    feed: !quiet,
    ...(otlp && { otlp }),
    ...(address && {
      syslog: {
        address,
        format: syslogFormat,
        content: syslogContent,
        ...(syslogCa !== undefined && { certificate: syslogCa }),
      },
    }),
  };
  if (settings.allHosts && !appTerms.some(({ sign }) => sign === "include")) {
    throw new OximyError(
      "OXIMY_E_USAGE",
      "--all-hosts needs --app: it decrypts everything that the named apps send.",
      "Name the apps, for instance: oximy local --app cursor --all-hosts",
    );
  }
  return { settings, output: { json, showContent, quiet, verbose } };
}

/** A variable must not turn off a collector that the managed file sets. */
function withoutSwitches(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const switches = /^OTEL_(SDK_DISABLED|(TRACES|LOGS|METRICS)_EXPORTER)$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !switches.test(name)));
}

/** The effective value of an option without flags. */
export interface InForce {
  readonly key: string;
  /** Null when it has none. */
  readonly value: unknown;
  readonly source: Exclude<ValueSource, "flag">;
  readonly variable: string;
}

/** Throws OximyError OXIMY_E_CONFIG for an invalid value, as a capture would. */
export function optionsInForce(
  home: string,
  env: NodeJS.ProcessEnv = process.env,
  managedFile?: string,
): InForce[] {
  const sources = readSources(home, CAPTURE_OPTIONS, env, managedFile);
  const standard = defaultSettings(home) as unknown as Record<string, unknown>;
  const none = new Command();
  return CAPTURE_OPTIONS.map((option) => {
    const { value: given, source } = resolved(option, none, sources);
    const value = given ?? standard[camel(option.key)] ?? null;
    return { key: option.key, value, source: source as InForce["source"], variable: variable(option.key) };
  });
}

/** A sentence for each flag of a command that the managed file overrides. */
export const flagsOverruled = (command: Command, managedFile?: string): string[] =>
  contradictions(command, CAPTURE_OPTIONS, managedFile);

/** For commands that do not capture, but use some of these options. */
export function addSomeOptions(command: Command, ...keys: readonly string[]): Command {
  for (const { flags, description, parse } of keys.map(optionOf)) {
    const option = new Option(flags!, description);
    command.addOption(flags!.includes("<") ? option.argParser(parse) : option);
  }
  return command;
}

function optionOf(key: string): CaptureOption {
  return CAPTURE_OPTIONS.find((option) => option.key === key)!;
}

/** The folder to which a capture with the same options writes its events. */
export function outputFolder(command: Command, home: string, env: NodeJS.ProcessEnv = process.env): string {
  const sources = readSources(home, CAPTURE_OPTIONS, env);
  const given = resolveValue(optionOf("output_dir"), command, sources) as string | undefined;
  return given ?? defaultSettings(home).outputDir;
}

/** The sources from which a capture with the same options loads its bundle. */
export function bundleSources(
  command: Command,
  home: string,
  env: NodeJS.ProcessEnv = process.env,
): Pick<LoadOptions, "home" | "file" | "url" | "supplement"> {
  const sources = readSources(home, CAPTURE_OPTIONS, env);
  const [file, url] = ["bundle_file", "bundle_url"].map(
    (key) => resolveValue(optionOf(key), command, sources) as string | undefined,
  );
  const supplement = resolveValue(optionOf("supplement"), command, sources) === false ? "none" : "over";
  return { home, supplement, ...(file !== undefined && { file }), ...(url !== undefined && { url }) };
}
