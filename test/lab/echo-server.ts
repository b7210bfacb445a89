import type { ServerProgram } from "../../lab/lab-server.js";
import type { ReceivedConnection } from "./servers/received-connection.js";

export interface EchoSettings {
  readonly clientCertificate?: "asked";
  readonly webSocketOverH2?: "refused";
  /** What is found below /files. */
  readonly folder?: string;
}

/** Downloads, uploads, event streams, WebSocket, gRPC, resets; logs connections, byte for byte. */
export const ECHO_SERVER: ServerProgram<ReceivedConnection, EchoSettings> = {
  file: new URL("servers/echo-server.ts", import.meta.url),
};
