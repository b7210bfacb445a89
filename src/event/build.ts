/** Builds the events that are written from captured exchanges and connections. Pure. */

import type { AppMatch, Endpoint, Owner } from "../connection/client.js";
import type { Via } from "../connection/connection.js";
import type { ClientContainer } from "../connection/container.js";
import type { Direction, Scheme } from "../connection/direction.js";
import type { Reason } from "../connection/reasons.js";
import type { Exchange } from "../exchange/exchange.js";
import type { Interaction } from "../interaction/interaction.js";
import { present } from "../interaction/json.js";
import type { MessageStructure } from "../interaction/structure.js";
import type { Classification, ModelInfo } from "../oisp/bundle.js";
import type { EventConversation } from "./conversation/conversations.js";
import { costUsd } from "./cost.js";
import {
  type ClientRepo,
  type EventApp,
  type EventClient,
  type EventContainer,
  type EventInteraction,
  type EventSource,
  type OximyEvent,
  SCHEMA_VERSION,
} from "./event.js";
import type { Finding } from "./finding.js";
import { Redactor, redactPath, redactText } from "./redact.js";
import { spelledOut, spellsSecret } from "./spelled-out.js";
import { UuidV7Generator } from "./uuid.js";

/** The connection of an event. */
export interface ConnectionInfo {
  readonly id: number;
  /** Name requested by the client (SNI, else Host), else the address. */
  readonly host: string;
  /** Port requested by the client. */
  readonly port: number;
  /** The client's own port. */
  readonly peerPort: number;
  readonly destination: Endpoint;
  readonly scheme: Scheme;
  readonly via?: Via;
}

export interface ExchangeInput {
  readonly exchange: Exchange;
  readonly connection: ConnectionInfo;
  readonly owner: Owner;
  readonly app?: AppMatch;
  readonly classification: Classification;
  readonly interaction?: Interaction;
  /** Decoded bodies, if enabled; `_raw` in docs/events.md. */
  readonly raw?: { readonly request?: unknown; readonly response?: unknown };
  /** Bodies were not fully decoded. */
  readonly cut?: boolean;
  /** Of a call that could not be read, if bodies are enabled. */
  readonly structure?: MessageStructure;
  readonly models: ReadonlyMap<string, ModelInfo>;
  /** The repository that the client works in. */
  readonly repo?: ClientRepo;
  /** Called once per call that was read, with the id of its event, to place it in a conversation. */
  readonly placeOf?: (eventId: string) => EventConversation | undefined;
}

/** A connection to a known host that was passed through, or intercepted but not read. */
export interface ConnectionInput {
  readonly connection: ConnectionInfo;
  readonly owner: Owner;
  readonly app?: AppMatch;
  readonly source: EventSource;
  readonly reason: Reason;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** The negotiated protocol, if known. */
  readonly protocol?: string;
  /** Error name from the system or OpenSSL. */
  readonly error?: string;
}

export const ids = new UuidV7Generator();

/** Builds the event of an exchange; undefined when it is classified as `drop`. */
export function buildEvent(input: ExchangeInput): OximyEvent | undefined {
  const { exchange, classification } = input;
  if (classification.level === "drop") return undefined;
  const full = classification.level === "full_trace" && input.interaction !== undefined;
  const interaction = full ? interactionOf(input.interaction, input) : undefined;
  const structure = full ? undefined : structureWithoutCredentials(input.structure);
  const reason = classification.level === "identifiable" ? classification.reason : "unknown_format";
  const eventId = ids.next(exchange.startedAt);
  return present<OximyEvent>({
    event_id: eventId,
    schema_version: SCHEMA_VERSION,
    timestamp: timestamp(exchange.startedAt),
    source: { ...classification.source },
    trace_level: full ? "full" : "identifiable",
    timing: present({
      duration_ms: elapsed(exchange.startedAt, exchange.endedAt),
      ttfb_ms:
        exchange.responseStartedAt === undefined
          ? undefined
          : elapsed(exchange.startedAt, exchange.responseStartedAt),
    }),
    client: withRepo(clientOf(input.owner, input.connection.peerPort), input.repo),
    app: input.app && appOf(input.app),
    conversation: full ? conversationOf(input.placeOf?.(eventId)) : undefined,
    interaction: interaction?.value,
    structure: structure?.value,
    findings: interaction?.findings,
    metadata: present({
      request_method: exchange.request.method,
      request_host: requestHost(input),
      request_path: redactPath(exchange.request.path),
      response_status: exchange.response?.status,
      protocol: exchange.protocol,
      content_length: bytesOf(exchange, "response"),
      request_length: bytesOf(exchange, "request"),
      messages: exchange.messages?.length,
      truncated: isTruncated(exchange) || input.cut || undefined,
      raw_withheld: (interaction ?? structure)?.rawWithheld || undefined,
      error: exchange.error,
      via: input.connection.via,
      reason: full ? undefined : reason,
    }),
  });
}

/** Builds the event of a connection of which no exchange was read. */
export function buildConnectionEvent(input: ConnectionInput): OximyEvent {
  return present<OximyEvent>({
    event_id: ids.next(input.startedAt),
    schema_version: SCHEMA_VERSION,
    timestamp: timestamp(input.startedAt),
    source: { ...input.source },
    trace_level: "identifiable",
    timing: { duration_ms: elapsed(input.startedAt, input.endedAt) },
    client: clientOf(input.owner, input.connection.peerPort),
    app: input.app && appOf(input.app),
    metadata: present({
      request_host: withPort(input.connection.host, input.connection),
      protocol: input.protocol,
      bytes_up: input.bytesUp,
      bytes_down: input.bytesDown,
      error: input.error,
      via: input.connection.via,
      reason: input.reason,
    }),
  });
}

/** Redacted, since programs choose the names of their conversations. */
function conversationOf(place: EventConversation | undefined): EventConversation | undefined {
  if (place === undefined) return undefined;
  const { id, agent } = place;
  return { ...place, id: redactText(id), ...(agent !== undefined && { agent: redactText(agent) }) };
}

let lastSecond = Number.NaN;
/** The time truncated to seconds, `2026-01-09T12:00:00.`, cached because hundreds of events share one. */
let upToSecond = "";

export function timestamp(time: number): string {
  const ms = Math.trunc(time);
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    upToSecond = new Date(second * 1000).toISOString().slice(0, -"000Z".length);
    lastSecond = second;
  }
  return `${upToSecond}${String(ms - second * 1000).padStart(3, "0")}Z`;
}

export function elapsed(from: number, to: number): number {
  return Math.max(0, Math.round(to - from));
}

/** All exchanges of a connection have the same owner. */
const clients = new WeakMap<Owner, EventClient>();

export function clientOf(owner: Owner, port?: number): EventClient {
  let client = clients.get(owner);
  if (client === undefined || client.port !== port) {
    client = readClient(owner, port);
    clients.set(owner, client);
  }
  return client;
}

function readClient(owner: Owner, port: number | undefined): EventClient {
  if (owner.kind === "unknown") return present({ uid: owner.uid, unknown: owner.reason, port });
  const { process, ancestors } = owner;
  return present({
    pid: process.pid,
    name: redacted(process.name),
    path: redacted(process.path),
    bundle_id: process.bundleId,
    application_id: process.applicationId,
    script: redacted(process.script),
    ppid: process.ppid,
    parent_name: redacted(ancestors[0]?.name),
    user: process.user,
    uid: process.uid,
    container: process.container && containerOf(process.container),
    cwd: redacted(process.cwd),
    port,
  });
}

/** Redacted, since users choose the names of containers. */
function containerOf({ id, name, image, runtime, compose, devcontainer }: ClientContainer): EventContainer {
  return present<EventContainer>({
    id,
    name: redacted(name),
    image: redacted(image),
    runtime,
    compose: compose && present({ project: redactText(compose.project), service: redacted(compose.service) }),
    devcontainer: redacted(devcontainer),
  });
}

/** Added per event, since another branch may be checked out by the next one. */
export function withRepo(client: EventClient, repo: ClientRepo | undefined): EventClient {
  if (repo === undefined) return client;
  const { port, ...known } = client;
  const branch = redacted(repo.branch);
  const found = { root: redactText(repo.root), ...(branch !== undefined && { branch }) };
  return { ...known, repo: found, ...(port !== undefined && { port }) };
}

/** Programs can choose their own names and those of their scripts. */
export function redacted(text: string | undefined): string | undefined {
  return text === undefined ? undefined : redactText(text);
}

export function appOf({ id, name, vendor, category, matchedBy, hostApp }: AppMatch): EventApp {
  const host_app = hostApp && { id: hostApp.id, name: hostApp.name };
  return present<EventApp>({ id, name, vendor, category, matched_by: matchedBy, host_app });
}

/**
 * Interaction with `_raw` and cost, without credentials. A credential in the answer is spread over the chunks of a
 * stream, where it cannot be recognised: then the chunks are left out.
 */
function interactionOf(
  interaction: Interaction,
  input: ExchangeInput,
): { value: EventInteraction; rawWithheld: boolean; findings: Finding[] | undefined } {
  const redactor = new Redactor();
  const request = side(interaction.request, input.raw?.request, redactor, "open");
  const response = side(interaction.response, input.raw?.response, redactor, endOf(interaction, input));
  const cost = costUsd(interaction, input.models);
  const value: EventInteraction = {
    model: redactor.redact(interaction.model),
    provider: interaction.provider,
    type: interaction.type,
    request: request.value ?? {},
    ...(response.value && { response: response.value }),
    ...(cost !== undefined && { cost_usd: cost }),
  };
  const findings: Finding[] = [
    ...(request.isCut ? [{ rule: "credential", where: "request" } as const] : []),
    ...(response.isCut ? [{ rule: "credential", where: "response" } as const] : []),
  ];
  return {
    value,
    rawWithheld: request.rawWithheld || response.rawWithheld,
    findings: findings.length > 0 ? findings : undefined,
  };
}

function endOf({ response }: Interaction, { exchange, cut }: ExchangeInput): "ended" | "open" {
  const isWhole = exchange.error === undefined && cut !== true && !isTruncated(exchange);
  return isWhole && response?.finish_reason !== undefined ? "ended" : "open";
}

/** `isCut`: a credential was removed. */
export function side<T extends object>(
  meaning: T | undefined,
  raw: unknown,
  redactor: Redactor,
  end: "ended" | "open",
): { value: T | undefined; rawWithheld: boolean; isCut: boolean } {
  const value = redactor.redact(meaning);
  if (raw === undefined) return { value, rawWithheld: false, isCut: value !== meaning };
  if (Array.isArray(raw) && value !== meaning) return { value, rawWithheld: true, isCut: true };
  const kept = redactor.redact(raw);
  // In an unfinished stream the meaning lacks the incomplete part, and log probabilities repeat the answer.
  const mayBeSpelled = value !== meaning || kept !== raw || (Array.isArray(raw) && end === "open");
  if (mayBeSpelled && spellsSecret(kept)) return { value, rawWithheld: true, isCut: true };
  const isCut = value !== meaning || kept !== raw;
  return { value: { ...value, _raw: kept } as T, rawWithheld: false, isCut };
}

/** A credential that is spread over several messages cannot be cut out of them: then they are left out. */
function structureWithoutCredentials(structure: MessageStructure | undefined): {
  value: MessageStructure | undefined;
  rawWithheld: boolean;
} {
  const value = new Redactor().redact(structure);
  const rawWithheld = Object.values(value ?? {}).some(
    (messages) => Array.isArray(messages) && spelledOut(messages).some((text) => redactText(text) !== text),
  );
  return { value: rawWithheld ? undefined : value, rawWithheld };
}

export function requestHost({
  exchange,
  connection,
}: Pick<ExchangeInput, "exchange" | "connection">): string {
  const authority = exchange.request.authority;
  if (authority === undefined || authority === "") return withPort(connection.host, connection);
  const host = authority.toLowerCase().slice(authority.lastIndexOf("@") + 1);
  const suffix = `:${defaultPort(connection.scheme)}`;
  return host.endsWith(suffix) ? host.slice(0, -suffix.length) : host;
}

function withPort(host: string, { port, scheme }: ConnectionInfo): string {
  const name = host.toLowerCase();
  if (port === defaultPort(scheme)) return name;
  return name.includes(":") && !name.startsWith("[") ? `[${name}]:${port}` : `${name}:${port}`;
}

function defaultPort(scheme: Scheme): number {
  return scheme === "https" ? 443 : 80;
}

function bytesOf(exchange: Exchange, direction: Direction): number | undefined {
  if (exchange.messages === undefined) return exchange[direction]?.body.length;
  return exchange.messages
    .filter((message) => message.direction === direction)
    .reduce((sum, message) => sum + message.data.length, 0);
}

function isTruncated({ request, response, messages }: Exchange): boolean {
  return (
    request.body.truncated ||
    response?.body.truncated === true ||
    messages?.some((message) => message.truncated) === true
  );
}
