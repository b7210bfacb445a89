/** JSON-RPC 2.0 messages (https://www.jsonrpc.org/specification) as used by MCP. No I/O. */

import { isObject, numberOf, parseJson, stringOf } from "../json.js";
import type { RpcOutline } from "./rpc-outline.js";

export type RpcId = string | number;

export type RpcMessage =
  | { readonly kind: "request"; readonly id: RpcId; readonly method: string; readonly params?: unknown }
  | { readonly kind: "notification"; readonly method: string; readonly params?: unknown }
  | { readonly kind: "answer"; readonly id: RpcId; readonly answer: RpcAnswer };

/** `cut`: too long to be kept. */
export type RpcAnswer =
  | { readonly kind: "result"; readonly result: unknown }
  | { readonly kind: "error"; readonly code?: number; readonly message?: string; readonly data?: unknown }
  | { readonly kind: "cut"; readonly as: "result" | "error" };

/** Limit of messages read in one batch (5. "Batch" of JSON-RPC; MCP had it in 2025-03-26). */
const MAX_BATCH = 10_000;

/** The messages in a text: one, those of a batch, or none when it is not JSON-RPC. */
export function messagesOfText(text: string): RpcMessage[] {
  return messagesOf(parseJson(text));
}

export function messagesOf(value: unknown): RpcMessage[] {
  const list: readonly unknown[] = Array.isArray(value) ? value.slice(0, MAX_BATCH) : [value];
  return list.flatMap((each) => messageOf(each) ?? []);
}

function messageOf(value: unknown): RpcMessage | undefined {
  if (!isObject(value)) return undefined;
  const { method, params, result, error } = value;
  const id = idOf(value.id);
  const given = params === undefined ? {} : { params };
  if (typeof method === "string") {
    return id === undefined
      ? { kind: "notification", method, ...given }
      : { kind: "request", id, method, ...given };
  }
  // An error without an id reports a message that could not be parsed: it belongs to no call.
  if (id === undefined) return undefined;
  if (isObject(error)) {
    const [code, message] = [numberOf(error.code), stringOf(error.message)];
    const answer: RpcAnswer = {
      kind: "error",
      ...(code !== undefined && { code }),
      ...(message !== undefined && { message }),
      ...(error.data !== undefined && { data: error.data }),
    };
    return { kind: "answer", id, answer };
  }
  return result === undefined ? undefined : { kind: "answer", id, answer: { kind: "result", result } };
}

/** For a message that was too long to be kept. */
export function messageOfOutline({ id, method, answers }: RpcOutline): RpcMessage | undefined {
  if (method !== undefined) {
    return id === undefined ? { kind: "notification", method } : { kind: "request", id, method };
  }
  if (id === undefined || answers === undefined) return undefined;
  return { kind: "answer", id, answer: { kind: "cut", as: answers } };
}

const idOf = (id: unknown): RpcId | undefined =>
  typeof id === "string" || typeof id === "number" ? id : undefined;
