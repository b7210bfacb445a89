import type { ClientContainer } from "./container.js";

/** Who opened a connection. See "Words" in docs/architecture.md: client is the process, app is the bundle's entry for it. */

/** A TCP endpoint. IPv4-mapped IPv6 addresses are normalised to IPv4 at the edge, once. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** The client's own view of its connection: `local` is its address and port, `remote` where it meant to go. */
export interface SocketTuple {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Number of the container's network that it is in; absent in the machine's own. */
  readonly network?: number;
}

/** What is known of one process. Everything beyond `pid` can be missing: processes end while we look. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly ppid?: number;
  /** As this machine counts, in a container too. */
  readonly uid?: number;
  /** By the passwd of the machine, or of the container that the process is in. */
  readonly user?: string;
  /** Linux: where it is not the machine itself. */
  readonly container?: ClientContainer;
  /** Clock ticks since boot on Linux, epoch microseconds on macOS. With the pid it names a process for good. */
  readonly startTime?: number;
  /** Executable's path, " (deleted)" removed. */
  readonly path?: string;
  /** Linux: the folder that it works in, as the process sees it. */
  readonly cwd?: string;
  /** Linux: it has the same file system before it as we: no container, no sandbox, no other root. */
  readonly seesOurFiles?: true;
  /** Display name: basename of the executable ("Comet Helper", "node"). */
  readonly name?: string;
  /** macOS: CFBundleIdentifier of the outermost .app on the executable's path. */
  readonly bundleId?: string;
  readonly bundleName?: string;
  readonly bundleVersion?: string;
  /** Linux application id: XDG scope or service, Flatpak, Snap, AppImage; with how it was found. */
  readonly applicationId?: string;
  readonly applicationIdFrom?: "xdg" | "flatpak" | "snap" | "appimage";
  /** For interpreters: the script, module, jar or package that runs (basename or package name). */
  readonly script?: string;
  /** For interpreters: the package that the script is part of (`@anthropic-ai/claude-code`). */
  readonly packageName?: string;
}

/** Outcome of "whose socket is this?". A wrong name is worse than none: `unknown` says why. */
export type Owner =
  | {
      readonly kind: "process";
      readonly process: ProcessIdentity;
      /** Parent first, at most 10. macOS: last, the process responsible for this one when it is no ancestor. */
      readonly ancestors: readonly ProcessIdentity[];
    }
  | { readonly kind: "unknown"; readonly reason: string; readonly uid?: number };

/** Answers "whose socket is this?". One implementation per place it can be asked from. */
export interface Attributor {
  /** Never rejects; answers within 200 ms or says `unknown`. */
  lookup(tuple: SocketTuple): Promise<Owner>;
  close(): Promise<void>;
}

/** The bundle's entry that a client belongs to. */
export interface AppMatch {
  readonly id: string;
  readonly name: string;
  readonly vendor?: string;
  readonly category?: string;
  readonly matchedBy: "bundle_id" | "executable" | "application_id" | "script";
  /** The next app up the ancestors: the editor or terminal that an agent runs in. */
  readonly hostApp?: AppMatch;
}
