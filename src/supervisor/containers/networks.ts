/** The addon's hold on the network namespaces of containers (native/container_networks.h). Root, Linux. */

import type { Endpoint } from "../../connection/client.js";
import { loadNative, type NativeAddon, type SocketOwner } from "../../native/native.js";

/** Whom rules in a container are for: a connection that tries them out, or all. */
export type RulesFor = "trial" | "all";

/** How connections are led to us: by rules in the container's network, or by the kernel as they begin, without any. */
export type Way = "rules" | "rewrite";

export type Family = 4 | 6;

/** What has come since it was asked last. */
export interface NetworkReports {
  /** A network may have been made, joined to another one, or taken away. */
  readonly networks: boolean;
  /** In one that is held, rules have changed, or where its packets can go. */
  readonly changes: boolean;
  /** There are connections of other networks to be counted. */
  readonly connects: boolean;
}

/** All calls return within a millisecond or two: what a container can delay is reported later. */
export interface ContainerNetworks {
  /** Why the kernel does not report every new network; null if it does. */
  watchFailure(): string | null;
  /** Resolves with the next reports, and never after `end`. One caller at a time. */
  nextReports(): Promise<NetworkReports>;
  /** Descriptor of the proxy's end, for a process that is started now. */
  proxyEnd(): number;
  closeProxyEnd(): void;
  /** Holds the network of a process and returns its number, the same if it is held already; or the reason of a failure. */
  open(pid: number, startTime: number): number | string;
  /** SO_NETNS_COOKIE of a network that is held. */
  cookieOf(network: number): bigint;
  /**
   * Null, or why not, once the kernel has taken or refused them: it takes none while others change rules in that network.
   * Those for all take the place of those for a trial. Never rejects; after `end` it may never be settled.
   */
  installRules(network: number, whom: RulesFor): Promise<string | null>;
  /**
   * Leads connections to us as they begin, ahead of whatever firewall is there; those for all take the place of those for a
   * trial. Null, or why not. UDP 443 is rejected by a rule, where the kernel takes one.
   * @param families those whose connections are led to us; all others go directly
   */
  rewrite(network: number, whom: RulesFor, families: readonly Family[]): string | null;
  /** After what was asked before, and as soon as the kernel lets. A rewrite ends at once. */
  removeRules(network: number): void;
  /**
   * What there has changed since the last call: others' rules, and ours are removed in that moment; or just where packets
   * can go.
   */
  takeChange(network: number): "rules" | "ways" | null;
  close(network: number): void;
  socketOwner(network: number, local: Endpoint, remote: Endpoint): SocketOwner | null;
  /** A socket there like one of the container's own, or for a trial: a descriptor, or -1. */
  openSocket(network: number, family: Family, whom: RulesFor): number;
  hasRoute(network: number, to: Endpoint): boolean;
  /** All rules go, and all networks are let go of. Can be called twice. */
  end(): void;
}

type Constructor = new (ports: readonly number[], allowQuic: boolean) => ContainerNetworks;

/** On failure, the reason. */
export function openContainerNetworks(
  ports: readonly number[],
  allowQuic: boolean,
): ContainerNetworks | string {
  const { ContainerNetworks: Native } = loadNative() as NativeAddon & {
    readonly ContainerNetworks: Constructor | null;
  };
  if (Native === null) return "this system has no container networks";
  try {
    return new Native(ports, allowQuic);
  } catch (error) {
    return (error as Error).message;
  }
}

/** The part of the addon that attribution stands on, for containers' networks too. */
export function withNetworks<
  Source extends Pick<NativeAddon, "socketOwner" | "connectRecord" | "recordedProcesses">,
>(source: Source, networks: Pick<ContainerNetworks, "socketOwner">): Source {
  return {
    ...source,
    socketOwner: (tuple) =>
      tuple.network
        ? networks.socketOwner(tuple.network, tuple.local, tuple.remote)
        : source.socketOwner(tuple),
    // Cookies of sockets are the machine's, addresses are each network's own.
    connectRecord: (tuple, cookie) =>
      tuple.network && cookie === null ? null : source.connectRecord(tuple, cookie),
    recordedProcesses: (tuple, cookie) =>
      tuple.network && cookie === null ? [] : source.recordedProcesses(tuple, cookie),
  };
}
