/**
 * The record that is written: one per exchange, one per passed-through connection to a known host. The order
 * of the fields is the order on the line. schema/event.schema.json is the published form; a test holds the
 * two together.
 */

import type { Via } from "../connection/connection.js";
import type { Reason } from "../connection/reasons.js";
import type { Interaction } from "../interaction/interaction.js";
import type { MessageStructure } from "../interaction/structure.js";
import type { EventConversation } from "./conversation/conversations.js";
import type { Finding } from "./finding.js";

/**
 * What kind of host the bundle knows, which one, and which feature of it (null for APIs). Of MCP: the server, by the
 * name that it gives itself, and the method.
 */
export interface EventSource {
  type: "api" | "app" | "website" | "mcp";
  id: string;
  endpoint: string | null;
}

export interface EventTiming {
  /** First byte of the request to the last byte of the response, or to the failure. */
  duration_ms?: number;
  /** First byte of the request to the first byte of the final response. */
  ttfb_ms?: number;
}

/** The process that opened the connection, or started the server of MCP, as far as it is known. */
export interface EventClient {
  pid?: number;
  name?: string;
  path?: string;
  bundle_id?: string;
  application_id?: string;
  script?: string;
  ppid?: number;
  parent_name?: string;
  /** In a container: by its own list of users. */
  user?: string;
  uid?: number;
  /** The container that the process runs in. */
  container?: EventContainer;
  /** The folder that the process works in. */
  cwd?: string;
  /** The git repository around it, as it is on disk. */
  repo?: ClientRepo;
  /** Why the process is not known; absent when it is. */
  unknown?: string;
  /** The client's own port of the connection; absent where there is none. */
  port?: number;
}

export interface EventContainer {
  /** The runtime's own. */
  id: string;
  name?: string;
  /** As it was asked for. */
  image?: string;
  runtime: "docker" | "podman" | "containerd" | "cri-o" | "buildkit" | "lxc" | "nspawn";
  /** The project of Docker Compose, and the service in it. */
  compose?: { project: string; service?: string };
  /** The folder of the machine that the development container was opened for. */
  devcontainer?: string;
}

export interface ClientRepo {
  /** The folder that holds `.git`. */
  root: string;
  /** Absent when none is checked out. */
  branch?: string;
}

export interface EventApp {
  id: string;
  name: string;
  vendor?: string;
  category?: string;
  matched_by: "bundle_id" | "executable" | "application_id" | "script";
  /** The app in whose terminal or extension this one runs. */
  host_app?: { id: string; name: string };
}

/** A call of the Model Context Protocol. */
export interface EventMcp {
  transport: "stdio" | "http";
  /** As they call themselves. */
  server?: { name?: string; version?: string };
  client?: { name?: string; version?: string };
  protocol_version?: string;
  /** Who asked. */
  from: "client" | "server";
  method: string;
  tool?: string;
  prompt?: string;
  /** Its URI. */
  resource?: string;
  /** The answer was an error, of the protocol or of the tool. */
  is_error?: true;
  /** How often progress was told meanwhile. */
  progress?: number;
}

export interface EventInteraction extends Interaction {
  /** An estimate from the bundle's prices; absent when the model or its price is not known. */
  cost_usd?: number;
}

export interface EventMetadata {
  request_method?: string;
  /** Absent where nothing went over a network. */
  request_host?: string;
  /** Path with the names of the query; its values are `REDACTED`. */
  request_path?: string;
  response_status?: number;
  protocol?: string;
  /** Bytes of the response body, of a WebSocket what the server sent. */
  content_length?: number;
  /** Bytes of the request body, of a WebSocket what the client sent. */
  request_length?: number;
  /** WebSocket messages so far, both directions. */
  messages?: number;
  /** Passed-through connections: bytes from client to server. */
  bytes_up?: number;
  /** Passed-through connections: bytes from server to client. */
  bytes_down?: number;
  /** True when not all bytes of a body were kept. */
  truncated?: boolean;
  /** True when a `_raw` or `structure` was left out because a credential was spread over its chunks. */
  raw_withheld?: boolean;
  /** Why the exchange is not whole, or what failed on the connection. */
  error?: string;
  /** How its content was got at: with the client's own TLS secrets, by a TLS session of ours, or it was plain. */
  via?: Via;
  /** Why the event is `identifiable` and not `full`. */
  reason?: Reason;
}

/**
 * Of the events that this version writes. 2: each number of `usage` has one meaning. Events without a version are
 * of the first one, which counted as the provider did.
 */
export const SCHEMA_VERSION = 2;

export interface OximyEvent {
  /** UUIDv7 of `timestamp`. */
  event_id: string;
  /** `SCHEMA_VERSION` of the program that wrote it; absent in files of the first version. */
  schema_version?: number;
  /** When the request began, UTC, milliseconds. */
  timestamp: string;
  source: EventSource;
  trace_level: "full" | "identifiable";
  timing: EventTiming;
  client: EventClient;
  app?: EventApp;
  /** Of a call of the Model Context Protocol. */
  mcp?: EventMcp;
  /** Where a call stands among others; absent for what is asked once and for itself. */
  conversation?: EventConversation;
  interaction?: EventInteraction;
  /** Of a call in gRPC, Connect or protobuf that no format reads: its messages without their schema. */
  structure?: MessageStructure;
  /** What is worth a look in it. */
  findings?: Finding[];
  metadata: EventMetadata;
}
