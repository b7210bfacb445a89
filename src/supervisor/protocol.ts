/** What supervisor and proxy say to each other. Plain data, sent over the child process's channel. */

import type { SocketTuple } from "../connection/client.js";
import type { InvokingUser } from "../user/invoking-user.js";
import type { CaptureSettings } from "../user/settings.js";
import { isBundleText, isSignAsk, type SignAnswer, type SignAsk } from "./signer-protocol.js";

export interface ProxyStart {
  readonly type: "start";
  readonly settings: CaptureSettings;
  readonly invokingUser: InvokingUser;
  /** The certificate of the machine's CA, which need not be there yet. */
  readonly certificatePath: string;
  /** What the supervisor's self-test expects to read. */
  readonly selfTestNonce: string;
  /** Whether secrets come, on descriptor `SECRETS_FD`. */
  readonly reads: boolean;
  /** Whether listeners of containers' networks come, on descriptor `GUESTS_FD`. */
  readonly guests: boolean;
  readonly json: boolean;
  readonly showContent: boolean;
  readonly verbose: boolean;
  /** Warnings and errors only. */
  readonly quiet: boolean;
}

/** Of the proxy: frames of secrets (secrets/secret-frame.ts), never in a message. */
export const SECRETS_FD = 4;
/** Of the proxy: listeners and sockets of containers' networks (native/linux/guest_message.h). */
export const GUESTS_FD = 5;

export type ToProxy =
  | ProxyStart
  /** `client` is the JSON of an Identified: connections of one process get equal texts, and share what is made of them. */
  | { readonly type: "client"; readonly id: number; readonly client: string }
  /** Whether the secrets of a connection will come, and, while that was being found out, what became of it. */
  | { readonly type: "sites"; readonly id: number; readonly state: "known" | "searching" | "none" }
  /** What became of a certificate that was asked for. */
  | { readonly type: "signed"; readonly id: number; readonly answer: SignAnswer }
  | { readonly type: "ping"; readonly id: number }
  /** Stop accepting, let open connections end within the grace, write what is left, exit. */
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
  /** The bundle that is used from now on, for whoever signs. The first comes before `listening`. */
  | { readonly type: "bundle"; readonly document: string }
  | ({ readonly type: "sign"; readonly id: number } & SignAsk)
  | { readonly type: "pong"; readonly id: number }
  /** Nearly as many connections are open as can be held, or there is room again. */
  | {
      readonly type: "crowd";
      readonly state: "crowded" | "room";
      readonly held: number;
      readonly most: number;
    }
  /** The proxy was asked to stop by a signal of its own. */
  | { readonly type: "stop_requested" }
  | { readonly type: "failed"; readonly code: string; readonly message: string; readonly advice: string };

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isEndpoint = (value: unknown): value is SocketTuple["local"] =>
  isObject(value) && typeof value.address === "string" && isCount(value.port) && value.port <= 65_535;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
const isText = (value: unknown): value is string => typeof value === "string";

/** What each message of the proxy must have. Root believes nothing that the proxy says. */
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
  sign: (message) => isCount(message.id) && isSignAsk(message),
  pong: ({ id }) => isCount(id),
  crowd: ({ state, held, most }) =>
    (state === "crowded" || state === "room") && isCount(held) && isCount(most),
  stop_requested: () => true,
  failed: ({ code, message, advice }) => [code, message, advice].every(isText),
};

/** A message of the proxy, if it is one. */
export function readToSupervisor(value: unknown): ToSupervisor | undefined {
  if (!isObject(value) || !isText(value.type) || !Object.hasOwn(SHAPES, value.type)) return undefined;
  return SHAPES[value.type as ToSupervisor["type"]](value) ? (value as unknown as ToSupervisor) : undefined;
}
