/** The messages between supervisor and proxy. Plain data, sent over the child process's channel. */

import type { SocketTuple } from "../connection/client.js";
import type { InvokingUser } from "../user/invoking-user.js";
import type { CaptureSettings } from "../user/settings.js";
import { isBundleText, isSignRequest, type SignAnswer, type SignRequest } from "./signer-protocol.js";

export interface ProxyStart {
  readonly type: "start";
  readonly settings: CaptureSettings;
  readonly invokingUser: InvokingUser;
  /** The certificate of the machine's CA, which may not exist yet. */
  readonly certificatePath: string;
  /** The response that the supervisor's self-test expects. */
  readonly selfTestNonce: string;
  /** Whether secrets are sent, on descriptor `SECRETS_FD`. */
  readonly reads: boolean;
  /** Whether listeners of container networks are sent, on descriptor `GUESTS_FD`. */
  readonly guests: boolean;
  readonly json: boolean;
  readonly showContent: boolean;
  readonly verbose: boolean;
  /** Warnings and errors only. */
  readonly quiet: boolean;
}

/** In the proxy: frames of secrets (secrets/secret-frame.ts), never in a message. */
export const SECRETS_FD = 4;
/** In the proxy: listeners and sockets of container networks (native/linux/guest_message.h). */
export const GUESTS_FD = 5;

export type ToProxy =
  | ProxyStart
  /** `client` is the JSON of an Identified: connections of one process get equal texts, and share the parsed object. */
  | { readonly type: "client"; readonly id: number; readonly client: string }
  /** Whether the secrets of a connection will come; after `searching`, the result of the search. */
  | { readonly type: "sites"; readonly id: number; readonly state: "known" | "searching" | "none" }
  /** The result of a certificate request. */
  | { readonly type: "signed"; readonly id: number; readonly answer: SignAnswer }
  | { readonly type: "ping"; readonly id: number }
  /** Stop accepting, let open connections end within the grace period, write what is left, exit. */
  | { readonly type: "stop"; readonly graceMs: number };

export type ToSupervisor =
  | { readonly type: "listening"; readonly port: number; readonly localPorts: readonly number[] }
  | { readonly type: "lookup"; readonly id: number; readonly tuple: SocketTuple }
  /** The secrets of the TLS session that this process begins with this client random (hexadecimal) are wanted. */
  | {
      readonly type: "watch";
      readonly id: number;
      readonly pid: number;
      readonly startTime: number;
      readonly random: string;
    }
  | { readonly type: "unwatch"; readonly id: number }
  /** The bundle in use from now on, for the signer. The first is sent before `listening`. */
  | { readonly type: "bundle"; readonly document: string }
  | ({ readonly type: "sign"; readonly id: number } & SignRequest)
  | { readonly type: "pong"; readonly id: number }
  /** Nearly as many connections are open as possible, or there is room again. */
  | {
      readonly type: "crowd";
      readonly state: "crowded" | "room";
      readonly held: number;
      readonly most: number;
    }
  /** The proxy received a signal of its own to stop. */
  | { readonly type: "stop_requested" }
  | { readonly type: "failed"; readonly code: string; readonly message: string; readonly advice: string };

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isEndpoint = (value: unknown): value is SocketTuple["local"] =>
  isObject(value) && typeof value.address === "string" && isCount(value.port) && value.port <= 65_535;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
const isText = (value: unknown): value is string => typeof value === "string";

/** The required fields of each message of the proxy. Root trusts nothing that the proxy sends. */
const SHAPES: Record<ToSupervisor["type"], (message: Record<string, unknown>) => boolean> = {
  listening: ({ port, localPorts }) =>
    isCount(port) && Array.isArray(localPorts) && localPorts.every(isCount),
  lookup: ({ id, tuple }) =>
    isCount(id) &&
    isObject(tuple) &&
    isEndpoint(tuple.local) &&
    isEndpoint(tuple.remote) &&
    (tuple.network === undefined || isCount(tuple.network)),
  watch: ({ id, pid, startTime, random }) =>
    [id, pid, startTime].every(isCount) &&
    (id as number) <= 0xffff_ffff &&
    isText(random) &&
    /^[0-9a-f]{64}$/.test(random),
  unwatch: ({ id }) => isCount(id) && id <= 0xffff_ffff,
  bundle: ({ document }) => isBundleText(document),
  sign: (message) => isCount(message.id) && isSignRequest(message),
  pong: ({ id }) => isCount(id),
  crowd: ({ state, held, most }) =>
    (state === "crowded" || state === "room") && isCount(held) && isCount(most),
  stop_requested: () => true,
  failed: ({ code, message, advice }) => [code, message, advice].every(isText),
};

/** Validates a message of the proxy. */
export function readToSupervisor(value: unknown): ToSupervisor | undefined {
  if (!isObject(value) || !isText(value.type) || !Object.hasOwn(SHAPES, value.type)) return undefined;
  return SHAPES[value.type as ToSupervisor["type"]](value) ? (value as unknown as ToSupervisor) : undefined;
}
