/**
 * Pairs the messages of two MCP parties (https://modelcontextprotocol.io/specification) into calls: each request with
 * its answer. Messages in, calls out; memory for open calls is bounded.
 */

import { isObject, objectOf, wordOf } from "../json.js";
import type { RpcAnswer, RpcId, RpcMessage } from "./rpc-message.js";

export type McpParty = "client" | "server";

/** A party's own name in `initialize`. */
export interface McpName {
  readonly name?: string;
  readonly version?: string;
}

export interface McpCall {
  /** Sender of the request: servers send `sampling/createMessage`, `elicitation/create`, `roots/list`. */
  readonly from: McpParty;
  readonly method: string;
  /** Absent when there were none, or when they were too long to be kept. */
  readonly params?: unknown;
  /** Absent for notifications, and when there was none. */
  readonly answer?: RpcAnswer;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Bytes of the messages; absent for those of a batch. */
  readonly requestLength?: number;
  readonly answerLength?: number;
  /** Part of the request or the answer was not kept. */
  readonly isCut: boolean;
  /** Number of progress notifications. */
  readonly progress: number;
  /** Why there is no answer. */
  readonly unanswered?: "cancelled" | "client_aborted" | "server_closed" | "capture_lost";
  readonly server?: McpName;
  readonly client?: McpName;
  readonly protocolVersion?: string;
}

/** Metadata of a message. */
export interface MessageFacts {
  /** Epoch milliseconds. */
  readonly time: number;
  /** Bytes; absent within a batch. */
  readonly length?: number;
  readonly isCut?: boolean;
}

interface OpenCall {
  readonly from: McpParty;
  readonly method: string;
  readonly params: unknown;
  readonly facts: MessageFacts;
  /** Token in the other party's progress notifications. */
  readonly progressToken: RpcId | undefined;
  progress: number;
}

/** Limit of open calls; beyond it, the oldest is reported as it is. */
const MAX_OPEN = 20_000;
/** Limit of bytes in open requests. */
const MAX_OPEN_BYTES = 64 << 20;

export class McpSession {
  private readonly open = new Map<string, OpenCall>();
  private openBytes = 0;
  private server: McpName | undefined;
  private client: McpName | undefined;
  private protocolVersion: string | undefined;

  constructor(private readonly onCall: (call: McpCall) => void) {}

  /** False for an answer without a known request. */
  take(from: McpParty, message: RpcMessage, facts: MessageFacts): boolean {
    switch (message.kind) {
      case "request":
        this.onRequest(from, message, facts);
        return true;
      case "notification":
        this.onNotification(from, message, facts);
        return true;
      case "answer":
        return this.onAnswer(other(from), message, facts);
    }
  }

  /** Ends a call, if it is open, without an answer. `unanswered` is absent when the transport shows the reason. */
  abandon(from: McpParty, id: RpcId, unanswered: McpCall["unanswered"], time: number): void {
    this.endWithout(keyOf(from, id), unanswered, time);
  }

  /** The session is over: open calls end without an answer. */
  end(unanswered: NonNullable<McpCall["unanswered"]>, time: number): void {
    for (const key of [...this.open.keys()]) this.endWithout(key, unanswered, time);
  }

  private onRequest(
    from: McpParty,
    { id, method, params }: Extract<RpcMessage, { kind: "request" }>,
    facts: MessageFacts,
  ): void {
    if (method === "initialize") this.onInitialize(params);
    const key = keyOf(from, id);
    // An id that is reused while its call is open belongs to the new call.
    if (this.open.has(key)) this.endWithout(key, "capture_lost", facts.time);
    const token = objectOf(objectOf(params)._meta).progressToken;
    const progressToken = typeof token === "string" || typeof token === "number" ? token : undefined;
    this.open.set(key, { from, method, params, facts, progressToken, progress: 0 });
    this.openBytes += facts.length ?? 0;
    while (this.open.size > MAX_OPEN || (this.openBytes > MAX_OPEN_BYTES && this.open.size > 1)) {
      this.endWithout(this.open.keys().next().value!, "capture_lost", facts.time);
    }
  }

  private onAnswer(
    requester: McpParty,
    { id, answer }: Extract<RpcMessage, { kind: "answer" }>,
    facts: MessageFacts,
  ): boolean {
    const call = this.close(keyOf(requester, id));
    // Requested before the capture started, or already reported as cancelled.
    if (call === undefined) return false;
    if (call.method === "initialize" && answer.kind === "result") this.onInitialized(answer.result);
    // Successful pings are frequent and carry no information.
    if (call.method === "ping" && answer.kind === "result") return true;
    const { length } = facts;
    this.report(call, {
      answer,
      endedAt: facts.time,
      ...(length !== undefined && { answerLength: length }),
      ...(facts.isCut && { isCut: true }),
    });
    return true;
  }

  private onNotification(
    from: McpParty,
    { method, params }: Extract<RpcMessage, { kind: "notification" }>,
    facts: MessageFacts,
  ): void {
    const { requestId, progressToken } = objectOf(params);
    if (method === "notifications/cancelled") {
      const id = requestId as RpcId;
      // "The receiver … SHOULD NOT send a response" (basic/utilities/cancellation).
      this.endWithout(keyOf(from, id), "cancelled", facts.time);
    } else if (method === "notifications/progress") {
      for (const call of this.open.values()) {
        if (call.from !== from && call.progressToken === progressToken && progressToken !== undefined) {
          call.progress += 1;
        }
      }
    } else if (method.endsWith("/list_changed")) {
      // The server's tools, prompts or resources have changed.
      this.report({ from, method, params, facts, progressToken: undefined, progress: 0 }, {});
    }
  }

  private onInitialize(params: unknown): void {
    this.client = nameOf(objectOf(params).clientInfo);
    this.protocolVersion = wordOf(objectOf(params).protocolVersion);
  }

  private onInitialized(result: unknown): void {
    this.server = nameOf(objectOf(result).serverInfo);
    this.protocolVersion = wordOf(objectOf(result).protocolVersion) ?? this.protocolVersion;
  }

  private endWithout(key: string, unanswered: McpCall["unanswered"], time: number): void {
    const call = this.close(key);
    if (call !== undefined) this.report(call, { endedAt: time, ...(unanswered && { unanswered }) });
  }

  private close(key: string): OpenCall | undefined {
    const call = this.open.get(key);
    if (call === undefined) return undefined;
    this.open.delete(key);
    this.openBytes -= call.facts.length ?? 0;
    return call;
  }

  private report({ from, method, params, facts, progress }: OpenCall, end: Partial<McpCall>): void {
    this.onCall({
      from,
      method,
      ...(params !== undefined && { params }),
      startedAt: facts.time,
      endedAt: facts.time,
      ...(facts.length !== undefined && { requestLength: facts.length }),
      isCut: facts.isCut === true,
      progress,
      ...(this.server && { server: this.server }),
      ...(this.client && { client: this.client }),
      ...(this.protocolVersion !== undefined && { protocolVersion: this.protocolVersion }),
      ...end,
    });
  }
}

const other = (party: McpParty): McpParty => (party === "client" ? "server" : "client");

/** Each party numbers its own requests; `1` and `"1"` are different ids. */
const keyOf = (requester: McpParty, id: RpcId) => `${requester}/${typeof id}/${id}`;

/** `Implementation` in the specification's schema. */
function nameOf(info: unknown): McpName | undefined {
  if (!isObject(info)) return undefined;
  const [name, version] = [wordOf(info.name), wordOf(info.version)];
  return { ...(name !== undefined && { name }), ...(version !== undefined && { version }) };
}
