import type { SecureVersion } from "node:tls";
import type { ServerProgram } from "../../lab/lab-server.js";

export interface StrictSettings {
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  /** In OpenSSL's words. */
  readonly ciphers?: string;
}

/** Speaks the versions and cipher suites that it is told, in its own order; logs nothing. */
export const STRICT_SERVER: ServerProgram<never, StrictSettings> = {
  file: new URL("servers/strict-server.ts", import.meta.url),
};
