import type { ClientContainer } from "./container.js";

/**
 * Who opened a connection. See "Words" in docs/architecture.md: client is the process, app is the bundle's entry for
 * it.
 */

/** A TCP endpoint. IPv4-mapped IPv6 addresses are normalised to IPv4 at the edge, once. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A connection as the client sees it: `local` is its own address and port, `remote` its intended destination. */
export interface SocketTuple {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Number of the container network it is in; absent in the machine's own network. */
  readonly network?: number;
}

/** What is known about a process. Everything but `pid` may be missing: the process can exit during the lookup. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly ppid?: number;
  /** In the machine's user namespace, for processes in containers too. */
  readonly uid?: number;
  /** From the passwd file of the machine, or of the process's container. */
  readonly user?: string;
  /** Linux: absent for processes that run on the machine itself. */
  readonly container?: ClientContainer;
  /**
   * Clock ticks since boot on Linux, epoch microseconds on macOS. Together with the pid it identifies a process
   * uniquely.
   */
  readonly startTime?: number;
  /** Executable's path, " (deleted)" removed. */
  readonly path?: string;
  /** Linux: the working directory, as the process sees it. */
  readonly cwd?: string;
  /** Linux: it sees the same file system as Oximy: no container, no sandbox, no chroot. */
  readonly seesOurFiles?: true;
  /** Display name: basename of the executable ("Comet Helper", "node"). */
  readonly name?: string;
  /** macOS: CFBundleIdentifier of the outermost .app on the executable's path. */
  readonly bundleId?: string;
  readonly bundleName?: string;
  readonly bundleVersion?: string;
  /** Linux application id, and which source it came from. */
  readonly applicationId?: string;
  readonly applicationIdFrom?: "xdg" | "flatpak" | "snap" | "appimage";
  /** For interpreters: the script, module, jar or package being run (basename or package name). */
  readonly script?: string;
  /** For interpreters: the package the script belongs to (`@anthropic-ai/claude-code`). */
  readonly packageName?: string;
}

/** The owner of a socket. A wrong answer is worse than none: `unknown` has the reason. */
export type Owner =
  | {
      readonly kind: "process";
      readonly process: ProcessIdentity;
      /** Parent first, at most 10. macOS: the responsible process comes last when it is not an ancestor. */
      readonly ancestors: readonly ProcessIdentity[];
    }
  | { readonly kind: "unknown"; readonly reason: string; readonly uid?: number };

/** Finds the process that owns a socket. */
export interface Attributor {
  /** Never rejects; resolves within 200 ms, with `unknown` if need be. */
  lookup(tuple: SocketTuple): Promise<Owner>;
  close(): Promise<void>;
}

/** The bundle entry that matches a client. */
export interface AppMatch {
  readonly id: string;
  readonly name: string;
  readonly vendor?: string;
  readonly category?: string;
  readonly matchedBy: "bundle_id" | "executable" | "application_id" | "script";
  /** The nearest app among the ancestors: the editor or terminal that an agent runs in. */
  readonly hostApp?: AppMatch;
}
