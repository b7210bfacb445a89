/** Decides what is done with a connection. Pure: everything it needs is passed in; the data plane carries it out. */

import type { Endpoint } from "../../connection/client.js";
import type { PassthroughReason } from "../../connection/reasons.js";
import type { KnownClient } from "./client.js";
import type { Opening } from "./opening.js";
import type { Standing } from "./trust-book.js";

export type Verdict =
  /** Pass it through and decrypt a copy with the secrets of the client's own TLS session. */
  | { readonly action: "read"; readonly host: string }
  | {
      readonly action: "intercept";
      readonly scheme: "https" | "http";
      /** The name that the certificate must have and the bundle knows. */
      readonly host: string;
      /** Whether the program is tried for the first time: this connection is its only trial. */
      readonly trial: boolean;
    }
  /** Emits an `identifiable` event with the reason. */
  | { readonly action: "passthrough"; readonly reason: PassthroughReason; readonly host: string }
  /** None of our business: emits nothing. */
  | { readonly action: "passthrough"; readonly reason: PrivateReason; readonly host?: string };

export type PrivateReason =
  | "host_unknown"
  | "no_host_name"
  | "client_silent"
  | "neither_tls_nor_http"
  | "client_hello_malformed"
  | "app_not_selected"
  | "seen_in_container";

const PRIVATE: ReadonlySet<string> = new Set<PrivateReason>([
  "host_unknown",
  "no_host_name",
  "client_silent",
  "neither_tls_nor_http",
  "client_hello_malformed",
  "app_not_selected",
  "seen_in_container",
]);

export const isPrivate = (reason: PassthroughReason | PrivateReason): reason is PrivateReason =>
  PRIVATE.has(reason);

/** Whether the bundle can read the traffic of a host, only names it, or does not contain it. */
export type HostKnowledge = "readable" | "named" | "unknown";

/**
 * Locations in the client's TLS stack where its secrets can be copied: `failed` where they proved useless before, `off`
 * where nothing is read at all.
 */
export type SitesState = "known" | "searching" | "none" | "failed" | "off";

export interface Client extends KnownClient {
  readonly sites: SitesState;
  readonly standing: Standing;
}

export interface Policy {
  /** @param port the port that the client connected to */
  readonly knowledgeOf: (host: string, port: number) => HostKnowledge;
  /** Whether the filters (`--app`, `--user`, …) select it. */
  readonly selects: (client: KnownClient) => boolean;
  /** `none` with `--no-intercept`; `no_certificate` when there is none that any program could trust. */
  readonly interception: "predicted" | "always" | "none" | "no_certificate";
  /** What to do with programs that are predicted not to trust: behind an explicit proxy each is tried once. */
  readonly distrusting: "pass_through" | "try_once";
  /** Whether the app accepts its own servers' certificates only. */
  readonly pins: (client: KnownClient) => boolean;
  readonly asksForCertificate: (client: KnownClient, host: string, server: Endpoint) => boolean;
  readonly capacity: "free" | "full";
  /** Whether it is a connection of a container, on its way through the forwarder of that container's network. */
  readonly isSeenInContainer: boolean;
}

/** The same for all current connections. */
export type GeneralPolicy = Omit<Policy, "capacity" | "isSeenInContainer">;

const TLS_1_2 = 0x0303;

export type HostVerdict =
  | Extract<Verdict, { action: "passthrough" }>
  | { readonly action: "identify_client"; readonly host: string; readonly knowledge: "readable" | "named" };

/**
 * The verdict as far as opening and host determine it. The client is only identified where it matters.
 * @param destination the client's original destination: its address (or, behind the explicit proxy, a name) and port
 */
export function decideByHost(
  opening: Opening,
  destination: Endpoint,
  { knowledgeOf }: Pick<Policy, "knowledgeOf">,
): HostVerdict {
  if (opening.kind === "incomplete") return { action: "passthrough", reason: "client_silent" };
  if (opening.kind === "other") return { action: "passthrough", reason: opening.reason };
  const named = opening.kind === "tls" ? opening.hello.serverName : opening.host;
  const host = named ?? destination.address;
  const port = opening.kind === "http" ? (opening.port ?? destination.port) : destination.port;
  const knowledge = knowledgeOf(host, port);
  if (knowledge !== "unknown") return { action: "identify_client", host, knowledge };
  return named === undefined
    ? { action: "passthrough", reason: "no_host_name" }
    : { action: "passthrough", reason: "host_unknown", host };
}

/** The whole verdict (docs/how-it-works.md describes its order). */
export function decide(opening: Opening, destination: Endpoint, client: Client, policy: Policy): Verdict {
  const byHost = decideByHost(opening, destination, policy);
  if (byHost.action === "passthrough") return byHost;
  const { host, knowledge } = byHost;
  const pass = (reason: PassthroughReason): Verdict => ({ action: "passthrough", reason, host });
  if (policy.isSeenInContainer) return { action: "passthrough", reason: "seen_in_container", host };
  if (!policy.selects(client)) return { action: "passthrough", reason: "app_not_selected", host };
  if (knowledge === "named") return pass("nothing_to_read");
  if (policy.capacity === "full") return pass("too_many_connections");
  if (opening.kind !== "tls") return { action: "intercept", scheme: "http", host, trial: false };
  if (!opening.hello.versions.some((version) => version >= TLS_1_2)) return pass("client_tls_too_old");
  if (client.sites === "known" || client.sites === "searching") return { action: "read", host };
  if (policy.interception === "none") {
    return pass(UNREAD[client.sites]);
  }
  if (policy.asksForCertificate(client, host, destination)) return pass("upstream_client_certificate");
  const trust = mayIntercept(client, policy);
  return typeof trust === "string"
    ? pass(trust)
    : { action: "intercept", scheme: "https", host, trial: trust.trial };
}

/** The reason why a client that may not be intercepted is not read either. */
const UNREAD: Readonly<Record<Exclude<SitesState, "known" | "searching">, PassthroughReason>> = {
  none: "tls_secrets_unavailable",
  failed: "reading_failed_before",
  off: "interception_off",
};

/** Whether the client would accept our certificate, or may be tried; else the reason not to present it. */
function mayIntercept(client: Client, policy: Policy): { readonly trial: boolean } | PassthroughReason {
  const { program, standing } = client;
  if (policy.interception === "always")
    return standing === "refused" ? "client_refused_before" : { trial: false };
  if (policy.interception === "no_certificate") {
    return client.sites === "failed" ? "reading_failed_before" : "no_certificate";
  }
  if (program === undefined) return "client_unknown";
  if (policy.pins(client)) return "app_pins_certificates";
  switch (standing) {
    case "refused":
      return "client_refused_before";
    case "trying":
      return "trial_under_way";
    case "accepted":
      return { trial: false };
    case "tried":
    case "untried":
      break;
  }
  if (program.trust.kind === "trusts") return { trial: false };
  // An inconclusive trial does not override the prediction, but there is no second trial. Nor is a program tried that a
  // busy machine could not fully inspect.
  if (standing === "tried" || !program.isWhole) return "trust_unknown";
  // A container's trust is in its image: each new one would be tried again, and a failed build step is not repeated.
  if (client.owner.kind === "process" && client.owner.process.container !== undefined)
    return program.trust.kind === "unknown" ? "trust_unknown" : "runtime_does_not_trust";
  if (program.trust.kind === "unknown" || policy.distrusting === "try_once") return { trial: true };
  return "runtime_does_not_trust";
}
