import type { Connection } from "../src/connection/connection.js";

/** What the capture plane is told of a connection to OpenAI. */
export const connection: Omit<Connection, "id"> = {
  acceptedAt: Date.now(),
  host: "api.openai.com",
  port: 443,
  scheme: "https",
  peer: { address: "127.0.0.1", port: 54029 },
  destination: { address: "162.159.140.245", port: 443 },
  protocol: "http/1.1",
  owner: { kind: "process", process: { pid: 4711, name: "node", path: "/usr/bin/node" }, ancestors: [] },
};
