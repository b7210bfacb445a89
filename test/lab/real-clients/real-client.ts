import type { NpmClient } from "./npm-clients.js";

/** Where a client comes from. Without its source a row fails; it is never left out. */
export type Source =
  /** A package of the distribution. */
  | { readonly kind: "debian"; readonly package: string }
  /** A dependency of the project's tests, run by the Node that is named. */
  | { readonly kind: "dependency"; readonly package: string }
  /** A part of a runtime. */
  | { readonly kind: "runtime"; readonly package: string }
  /** A package that is kept outside the project (`npm-clients.ts`). */
  | { readonly kind: "npm"; readonly client: NpmClient };

/** What decides whose certificates the client accepts, when its environment says nothing. */
export type TrustSource =
  /** The system's store, /etc/ssl/certs. */
  | "system"
  /** Roots that the runtime brings along, as Node and Deno do. */
  | "runtime"
  /** A list that the program names itself, as who uses certifi does. */
  | "program"
  /** An NSS database of the user or of a profile. */
  | "profile";

export type Runtime =
  | "node"
  | "bun"
  | "deno"
  | "python"
  /** Perl, Ruby, PHP: interpreters on the system's OpenSSL. */
  | "script"
  | "go"
  | "java"
  | "openssl"
  | "gnutls"
  | "rustls"
  | "boringssl"
  | "nss";

export type Protocol = "http/1.1" | "h2" | "websocket" | "grpc";

/** Of these it is not known before the first byte whether they trust: that is the program's to decide. */
const UNPREDICTABLE: ReadonlySet<Runtime> = new Set(["python", "script", "rustls"]);

/** Whether it can be told from outside, what the client trusts: no call of such a client is ever to fail. */
export const isPredictable = ({ runtime }: Pick<RealClient, "runtime">): boolean =>
  !UNPREDICTABLE.has(runtime);

/** What a call may use of the lab. */
export interface Place {
  /** A folder of the row's own, kept from call to call, which is the client's home. */
  readonly home: string;
  /** Files that the lab has made for clients: the Go program, the Java class. */
  readonly programs: string;
  /** The project's folder. */
  readonly project: string;
  /** The lab's root alone, as a file: what runtimes that bring roots along have built in. */
  readonly publicRoots: string;
  /** Stands where a credential does, and tells the server whose call it is. */
  readonly key: string;
  /** `node_modules` of a client of npm. */
  npm(client: NpmClient): string;
}

export interface Call {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly inputStaysOpen?: true;
  /** Must be in what it prints, for programs whose exit code tells less than the whole. */
  readonly prints?: RegExp;
}

/** A program as people have it, and how it makes one call to a known host. */
export interface RealClient {
  readonly name: string;
  readonly runtime: Runtime;
  readonly source: Source;
  /** The Node that runs it; the machine's own when absent. */
  readonly node?: "node22" | "node24" | "node26";
  readonly protocol: Protocol;
  /** Of the lab's internet, and known to the bundle. */
  readonly host: string;
  readonly trusts: TrustSource;
  /** Of that kind is the event of a captured call: `exchange` where the bundle knows no format for what is asked. */
  readonly captured: "full" | "exchange";
  /**
   * Where `oximy run` does not capture it: `unseen` connects directly whatever it is told (statically linked);
   * `unread` keeps no key log, and trusts roots that no variable names.
   */
  readonly underRun?: "unseen" | "unread";
  /** Large to install or slow: runs with OXIMY_FULL=1 alone. */
  readonly long?: true;
  /**
   * What says that a call worked: the program itself, by its exit code and what it prints, or the server, which is
   * told by the page that a browser has loaded.
   */
  readonly confirmed?: "server";
  /** A shell's command that makes what the program has kept from earlier days; run once, before all calls. */
  prepare?(place: Place): string;
  call(place: Place): Call;
}
