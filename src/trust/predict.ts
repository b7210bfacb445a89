/** Predicts whether a program would accept a certificate of our CA, from facts read about it. Pure. */

import type { Runtime } from "./runtime.js";
import type { FileVariable, TrustOptions } from "./trust-variables.js";

export interface Trust {
  readonly kind: "trusts" | "distrusts" | "unknown";
  /** One plain sentence without a period; may be shown to users. Names variables and stores, never values. */
  readonly evidence: string;
}

/** Whether a place where programs look for roots contains our certificate. */
export type Holding =
  /** @property since epoch milliseconds: certain from then on */
  | { readonly kind: "ours"; readonly since: number }
  | { readonly kind: "other" }
  | { readonly kind: "absent" }
  | { readonly kind: "unknown" };

/** Stores as this program sees them: those of its root and of its user. */
export interface StoreFacts {
  /** The file with all roots of the system (`ca-certificates.crt` and its relatives). */
  readonly bundle: Holding;
  /** The folder where OpenSSL finds roots by the hash of their subject. */
  readonly folder: Holding;
  /** Java's cacerts. */
  readonly java: Holding;
  /** The NSS database of Chromium's relatives. */
  readonly chromium: Holding;
  /** The NSS databases of Firefox's profiles: that of the profile in use, or what all of them have in common. */
  readonly firefox: Holding;
}

export interface ProgramFacts {
  readonly runtime: Runtime;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** False when it could not be read: then nothing that depends on it is known. */
  readonly environmentIsKnown: boolean;
  readonly options: TrustOptions;
  /** The contents of the files named by variables; absent where the variable is not set. */
  readonly named: { readonly [variable in FileVariable]?: Holding };
  /** The contents of the file that Java was configured to use. */
  readonly javaStore?: Holding;
  /** Node: whether this version knows the variable NODE_USE_SYSTEM_CA. */
  readonly knowsSystemVariable?: boolean;
  /** The app is known to accept certain certificates only. */
  readonly pinned?: { readonly name: string };
}

/** A place that a program reads roots from. */
interface Place {
  readonly name: string;
  readonly holding: Holding;
}

/** A store changed while a program starts, or less than this before, is evidence for neither side. */
export const STORE_SETTLES_MS = 100;

export function predict(facts: ProgramFacts, stores: StoreFacts): Trust {
  if (facts.pinned) {
    return {
      kind: "distrusts",
      evidence: `${facts.pinned.name} accepts only its vendor's certificates`,
    };
  }
  if (!facts.environmentIsKnown) {
    return { kind: "unknown", evidence: "its environment cannot be read" };
  }
  if (facts.options.verifiesNothing) {
    return { kind: "trusts", evidence: "its certificate verification is disabled" };
  }
  const places = new Places(facts, stores);
  switch (facts.runtime) {
    case "node":
      return anyOf(facts, nodePlaces(places));
    case "bun":
      return anyOf(facts, [...places.openssl(), ...places.variables("NODE_EXTRA_CA_CERTS")]);
    case "deno":
      return anyOf(facts, [
        ...places.variables("DENO_CERT", "NODE_EXTRA_CA_CERTS"),
        ...(facts.options.systemStore === "yes" ? places.openssl() : []),
      ]);
    case "electron":
      return bothOf(anyOf(facts, nodePlaces(places)), anyOf(facts, places.chromium()));
    case "chromium":
      return anyOf(facts, places.chromium());
    case "firefox":
      return anyOf(facts, [{ name: "the database of its profile", holding: stores.firefox }]);
    case "java":
      return anyOf(facts, places.java());
    case "go":
    case "ruby":
      return anyOf(facts, places.openssl());
    case "php":
      // Its streams use OpenSSL; its curl is libcurl, which ignores the variables that only the tool reads.
      return bothOf(anyOf(facts, places.openssl()), anyOf(facts, places.system()));
    case "curl":
      return anyOf(facts, places.curl());
    case "git":
      return anyOf(facts, places.git());
    case "wget":
      return anyOf(facts, places.system());
    case "codex":
      return anyOf(facts, [...places.variables("CODEX_CA_CERTIFICATE"), ...places.openssl()]);
    case "python":
      return python(facts, places);
    case "cargo":
      return anyOf(facts, [...places.variables("CARGO_HTTP_CAINFO"), ...places.openssl()]);
    default:
      return byItsCode(anyOf(facts, [...places.openssl(), ...places.allVariables()]));
  }
}

/** For runtimes that trust our certificate if it is in any one of their places. */
function anyOf({ startedAt }: ProgramFacts, places: readonly Place[]): Trust {
  const ours = places.filter(isOurs);
  const early = ours.find(({ holding }) => holding.since < startedAt - STORE_SETTLES_MS);
  if (early) return { kind: "trusts", evidence: `our certificate is in ${early.name}` };
  const [late] = ours;
  if (late) {
    return { kind: "unknown", evidence: `our certificate was added to ${late.name} after it started` };
  }
  const dark = places.find(({ holding }) => holding.kind === "unknown");
  if (dark) return { kind: "unknown", evidence: `it is unknown what is in ${dark.name}` };
  const names = places.map(({ name }) => name);
  return {
    kind: "distrusts",
    evidence:
      names.length === 0
        ? "it has its own root certificates"
        : `our certificate is not in ${names.join(" or ")}`,
  };
}

function isOurs(place: Place): place is Place & { readonly holding: { kind: "ours"; since: number } } {
  return place.holding.kind === "ours";
}

/** Two TLS clients in one program. */
function bothOf(one: Trust, other: Trust): Trust {
  if (one.kind === other.kind) return { kind: one.kind, evidence: `${one.evidence}, and ${other.evidence}` };
  return { kind: "unknown", evidence: `${one.evidence}, but ${other.evidence}` };
}

/** For programs whose code decides which roots it uses: a certificate that is nowhere is trusted by none. */
function byItsCode(best: Trust): Trust {
  if (best.kind !== "trusts") return best;
  return { kind: "unknown", evidence: `${best.evidence}, but its code decides whether it looks there` };
}

/** ssl, urllib, httpx and aiohttp follow OpenSSL's variables; requests has its own, or certifi's list. */
function python(facts: ProgramFacts, places: Places): Trust {
  const ssl = anyOf(facts, places.openssl());
  const requests = anyOf(facts, places.variables("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE").slice(0, 1));
  const file = anyOf(facts, places.variables("SSL_CERT_FILE"));
  if (file.kind === "trusts" && requests.kind === "trusts") {
    return { kind: "trusts", evidence: `${file.evidence}, and ${requests.evidence}` };
  }
  const others = anyOf(facts, places.allVariables());
  const best = [ssl, requests, others].find(({ kind }) => kind !== "distrusts");
  return best === undefined ? ssl : byItsCode({ ...best, kind: best.kind });
}

function nodePlaces(places: Places): readonly Place[] {
  const { facts, stores } = places;
  const { options } = facts;
  const own = places.variables("NODE_EXTRA_CA_CERTS");
  if (options.opensslStore) return [...own, ...places.openssl()];
  if (options.systemStore === "yes") return [...own, ...places.openssl()];
  if (options.systemStore === "variable") {
    if (facts.knowsSystemVariable === true) return [...own, ...places.openssl()];
    const holdsNothing = stores.bundle.kind !== "ours" && stores.folder.kind !== "ours";
    if (facts.knowsSystemVariable === undefined && !holdsNothing) {
      return [...own, { name: "the system's store, if this version reads it", holding: { kind: "unknown" } }];
    }
  }
  return own;
}

/** The places of the runtimes, with the rules of which replaces which. */
class Places {
  constructor(
    readonly facts: ProgramFacts,
    readonly stores: StoreFacts,
  ) {}

  /** The files named by these variables, where they are set. */
  variables(...names: readonly FileVariable[]): Place[] {
    return names.flatMap((name) => {
      const holding = this.facts.named[name];
      return holding === undefined ? [] : [{ name: `the file of ${name}`, holding }];
    });
  }

  allVariables(): Place[] {
    return this.variables(...(Object.keys(this.facts.named) as FileVariable[]));
  }

  system(): Place[] {
    return [this.bundle(), this.folder()];
  }

  /** X509_STORE_set_default_paths, crypto/x509 of Go, rustls-native-certs: file and folder, each with its variable. */
  openssl(): Place[] {
    return [...this.file("SSL_CERT_FILE"), ...this.folders()];
  }

  /** curl(1): CURL_CA_BUNDLE replaces the file, else SSL_CERT_DIR the folder, else SSL_CERT_FILE the file. */
  curl(): Place[] {
    const { CURL_CA_BUNDLE, SSL_CERT_DIR, SSL_CERT_FILE } = this.facts.named;
    if (CURL_CA_BUNDLE !== undefined) return [...this.variables("CURL_CA_BUNDLE"), this.folder()];
    if (SSL_CERT_DIR === undefined) return [...this.file("SSL_CERT_FILE"), this.folder()];
    // Newer versions use both variables, older ones ignore the one for the file: only what both do is certain.
    if (SSL_CERT_FILE === undefined) return [this.bundle(), ...this.variables("SSL_CERT_DIR")];
    const isSame = SSL_CERT_FILE.kind === this.stores.bundle.kind;
    const file: Place = isSame
      ? this.bundle()
      : { name: "the file of SSL_CERT_FILE, which not every version reads", holding: { kind: "unknown" } };
    return [file, ...this.variables("SSL_CERT_DIR")];
  }

  /** The variable replaces the file; the folder stays. */
  git(): Place[] {
    const set = this.facts.named.GIT_SSL_CAINFO !== undefined;
    return [...(set ? this.variables("GIT_SSL_CAINFO") : [this.bundle()]), this.folder()];
  }

  java(): Place[] {
    const { javaStore } = this.facts;
    if (javaStore) return [{ name: "the file of -Djavax.net.ssl.trustStore", holding: javaStore }];
    return [{ name: "Java's cacerts", holding: this.stores.java }];
  }

  chromium(): Place[] {
    return [{ name: "the NSS database of its user", holding: this.stores.chromium }];
  }

  private file(variable: FileVariable): Place[] {
    return this.facts.named[variable] === undefined ? [this.bundle()] : this.variables(variable);
  }

  private folders(): Place[] {
    const { SSL_CERT_DIR } = this.facts.named;
    return SSL_CERT_DIR === undefined
      ? [this.folder()]
      : [{ name: "the folder of SSL_CERT_DIR", holding: SSL_CERT_DIR }];
  }

  private bundle(): Place {
    return { name: "the system's store", holding: this.stores.bundle };
  }

  private folder(): Place {
    return { name: "the system's folder of certificates", holding: this.stores.folder };
  }
}
