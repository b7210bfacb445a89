/** A program's trust settings at its start: environment variables and options. */

import type { Runtime } from "./runtime.js";

/** Variables that name a file of certificates. */
export const FILE_VARIABLES = [
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE", // OpenSSL, Go, httpx, rustls-native-certs
  "CURL_CA_BUNDLE",
  "REQUESTS_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "DENO_CERT",
  "CODEX_CA_CERTIFICATE",
  "AWS_CA_BUNDLE",
  "CARGO_HTTP_CAINFO",
  "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
  "PIP_CERT",
] as const;

/** Variables that name one or more folders of certificates. */
export const FOLDER_VARIABLES = ["SSL_CERT_DIR"] as const;

/** Variables that are options, or contain them. */
const OPTION_VARIABLES = [
  "NODE_OPTIONS",
  "NODE_USE_SYSTEM_CA",
  "NODE_TLS_REJECT_UNAUTHORIZED",
  "DENO_TLS_CA_STORE",
  "GIT_SSL_NO_VERIFY",
  "GIT_SSL_CAPATH",
  "PYTHONHTTPSVERIFY",
  "JAVA_TOOL_OPTIONS",
  "JDK_JAVA_OPTIONS",
] as const;

/** Where browsers keep their databases. */
const PLACE_VARIABLES = ["HOME", "XDG_DATA_HOME"] as const;

/** All variables that are ever read from a process's environment. */
export const TRUST_VARIABLES: readonly string[] = [
  ...FILE_VARIABLES,
  ...FOLDER_VARIABLES,
  ...OPTION_VARIABLES,
  ...PLACE_VARIABLES,
];

export type FileVariable = (typeof FILE_VARIABLES)[number] | (typeof FOLDER_VARIABLES)[number];

export type Environment = Readonly<Record<string, string>>;

/** The combined effect of options and variables. */
export interface TrustOptions {
  /** Node: OpenSSL's store instead of its own. */
  readonly opensslStore: boolean;
  /** Node, Bun, Deno: the system's store too. `variable`: only if this version knows NODE_USE_SYSTEM_CA. */
  readonly systemStore: "yes" | "variable" | "no";
  /** Verification is disabled. */
  readonly verifiesNothing: boolean;
  /** Java: the file used instead of its cacerts. */
  readonly javaStore?: string;
  /** Firefox: the profile on its command line. */
  readonly profile?: string;
}

const has = (words: readonly string[], option: string) => words.some((word) => word === option);

/** Arguments after the first operand belong to the script. */
function ownOptions(commandLine: readonly string[]): readonly string[] {
  const args = commandLine.slice(1);
  const end = args.findIndex((arg) => !arg.startsWith("-"));
  return end === -1 ? args : args.slice(0, end);
}

export function trustOptions(
  runtime: Runtime,
  commandLine: readonly string[],
  environment: Environment,
): TrustOptions {
  const none: TrustOptions = { opensslStore: false, systemStore: "no", verifiesNothing: false };
  switch (runtime) {
    case "node":
    case "electron":
    case "bun": {
      // `-e code --use-system-ca`: the code is no operand, but reading on loses nothing that begins with a dash.
      const inLine = runtime === "bun" ? commandLine.slice(1) : nodeOptions(commandLine);
      const words = [...(environment.NODE_OPTIONS ?? "").split(/\s+/), ...inLine];
      return {
        opensslStore: has(words, "--use-openssl-ca") && !has(words, "--use-bundled-ca"),
        systemStore: has(words, "--use-system-ca")
          ? "yes"
          : environment.NODE_USE_SYSTEM_CA === "1"
            ? "variable"
            : "no",
        verifiesNothing: environment.NODE_TLS_REJECT_UNAUTHORIZED === "0",
      };
    }
    case "deno": {
      const stores = (environment.DENO_TLS_CA_STORE ?? "").split(",").map((store) => store.trim());
      const unsafe = commandLine.some((arg) => /^--unsafely-ignore-certificate-errors$/.test(arg));
      return { ...none, systemStore: has(stores, "system") ? "yes" : "no", verifiesNothing: unsafe };
    }
    case "git": {
      // git-config(1), http.sslVerify: the variable has effect if it is set at all.
      return { ...none, verifiesNothing: environment.GIT_SSL_NO_VERIFY !== undefined };
    }
    case "curl":
      return { ...none, verifiesNothing: ownFlags(commandLine, "k", "--insecure") };
    case "wget":
      return { ...none, verifiesNothing: has(commandLine, "--no-check-certificate") };
    case "java": {
      const words = [
        ...(environment.JAVA_TOOL_OPTIONS ?? "").split(/\s+/),
        ...(environment.JDK_JAVA_OPTIONS ?? "").split(/\s+/),
        ...commandLine.slice(1),
      ];
      const store = words.findLast((word) => word.startsWith("-Djavax.net.ssl.trustStore="));
      return { ...none, ...(store && { javaStore: store.slice(store.indexOf("=") + 1) }) };
    }
    case "firefox": {
      const at = commandLine.findIndex((arg) => /^--?profile$/i.test(arg));
      const profile = at === -1 ? undefined : commandLine[at + 1];
      return { ...none, ...(profile && { profile }) };
    }
    case "chromium":
      return { ...none, verifiesNothing: has(commandLine, "--ignore-certificate-errors") };
    default:
      return none;
  }
}

/** Node's own options: up to the script, including those after `-e code` and `-p code`. */
function nodeOptions(commandLine: readonly string[]): readonly string[] {
  const isCode = commandLine.some((arg) => /^(?:-e|-p|-pe|--eval|--print)$/.test(arg));
  return isCode ? commandLine.slice(1) : ownOptions(commandLine);
}

/** A one-letter option, alone or among others (`-sk`), or its long name. */
function ownFlags(commandLine: readonly string[], letter: string, long: string): boolean {
  return commandLine
    .slice(1)
    .some((arg) => arg === long || (/^-[a-zA-Z]+$/.test(arg) && arg.includes(letter)));
}

/** The variables relevant for this runtime: they are part of a program's identity. */
export function relevantVariables(runtime: Runtime, environment: Environment): Environment {
  const places: readonly string[] = PLACE_VARIABLES;
  const isBrowser = runtime === "chromium" || runtime === "firefox" || runtime === "electron";
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => isBrowser || !places.includes(name)),
  );
}
