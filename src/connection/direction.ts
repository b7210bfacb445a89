/** Which way bytes go, and by which scheme: words that all rooms share. */

/** `request` runs from client to server, `response` from server to client. */
export type Direction = "request" | "response";

export type Scheme = "https" | "http";
