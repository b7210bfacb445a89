/**
 * The record that is written: one per exchange, one per passed-through connection to a known host. Fields are
 * written in the order of declaration. schema/event.schema.json is the published form; a test compares the two.
 */

import type { Via } from "../connection/connection.js";
import type { Reason } from "../connection/reasons.js";
import type { Interaction } from "../interaction/interaction.js";
import type { MessageStructure } from "../interaction/structure.js";
import type { EventConversation } from "./conversation/conversations.js";
import type { Finding } from "./finding.js";

/**
 * Kind and id of the host's bundle entry, and its feature (null for APIs). For MCP: the server's own name, and the
 * method.
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

/** The process that opened the connection, or started the MCP server, as far as known. */
export interface EventClient {
  pid?: number;
  name?: string;
  path?: string;
  bundle_id?: string;
  application_id?: string;
  script?: string;
  ppid?: number;
  parent_name?: string;
  /** In a container: from its own passwd file. */
  user?: string;
  uid?: number;
  /** The container that the process runs in. */
  container?: EventContainer;
  /** The working directory. */
  cwd?: string;
  /** The git repository that contains it, as on disk. */
  repo?: ClientRepo;
  /** Why the process is not known; absent when it is. */
  unknown?: string;
  /** The client's own port of the connection; absent when there is none. */
  port?: number;
}

export interface EventContainer {
  /** Assigned by the runtime. */
  id: string;
  name?: string;
  /** As requested by the user. */
  image?: string;
  runtime: "docker" | "podman" | "containerd" | "cri-o" | "buildkit" | "lxc" | "nspawn";
  /** The Docker Compose project, and the service in it. */
  compose?: { project: string; service?: string };
  /** The folder on the machine that the dev container was opened for. */
  devcontainer?: string;
}

export interface ClientRepo {
  /** The folder that contains `.git`. */
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
  /** The app whose terminal or extension this one runs in. */
  host_app?: { id: string; name: string };
}

/** A call of the Model Context Protocol. */
export interface EventMcp {
  transport: "stdio" | "http";
  /** As reported by itself. */
  server?: { name?: string; version?: string };
  client?: { name?: string; version?: string };
  protocol_version?: string;
  /** Sender of the request. */
  from: "client" | "server";
  method: string;
  tool?: string;
  prompt?: string;
  /** URI. */
  resource?: string;
  /** The response was an error of the protocol or of the tool. */
  is_error?: true;
  /** Number of progress notifications. */
  progress?: number;
}

export interface EventInteraction extends Interaction {
  /** Estimated from the bundle's prices; absent when the model or its price is unknown. */
  cost_usd?: number;
}

export interface EventMetadata {
  request_method?: string;
  /** Absent when no network was involved. */
  request_host?: string;
  /** Path with query; the query's values are `REDACTED`. */
  request_path?: string;
  response_status?: number;
  protocol?: string;
  /** Bytes of the response body; for a WebSocket, bytes sent by the server. */
  content_length?: number;
  /** Bytes of the request body; for a WebSocket, bytes sent by the client. */
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
  /** Why the exchange is incomplete, or the error of the connection. */
  error?: string;
  /** How the content was obtained: with the client's own TLS secrets, by interception, or it was plain text. */
  via?: Via;
  /** Why the event is `identifiable` and not `full`. */
  reason?: Reason;
}

/**
 * Version of the events written. 2: each number in `usage` has a fixed meaning. Events without a version are version 1,
 * which used the provider's counting.
 */
export const SCHEMA_VERSION = 2;

export interface OximyEvent {
  /** UUIDv7 of `timestamp`. */
  event_id: string;
  /** `SCHEMA_VERSION` of the program that wrote it; absent in version 1. */
  schema_version?: number;
  /** When the request began, UTC, milliseconds. */
  timestamp: string;
  source: EventSource;
  trace_level: "full" | "identifiable";
  timing: EventTiming;
  client: EventClient;
  app?: EventApp;
  /** For calls of the Model Context Protocol. */
  mcp?: EventMcp;
  /** Position of the call in its conversation; absent for standalone calls. */
  conversation?: EventConversation;
  interaction?: EventInteraction;
  /** For calls in gRPC, Connect or protobuf in no known format: the messages, decoded without schema. */
  structure?: MessageStructure;
  /** Things in it that deserve attention. */
  findings?: Finding[];
  metadata: EventMetadata;
}
