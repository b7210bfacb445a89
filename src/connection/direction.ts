/** Direction and scheme of a connection's bytes; used by all rooms. */

/** `request` is client to server, `response` server to client. */
export type Direction = "request" | "response";

export type Scheme = "https" | "http";
