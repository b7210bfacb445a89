import type { ServerProgram } from "../../../lab/lab-server.js";

/** A request as the provider server got it. */
export interface ProviderRequest {
  /** What stands in the request for a credential (`keyOf`); null when there is none. */
  readonly key: string | null;
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly httpVersion: string;
  /** Fingerprints of the client hello as it arrived. */
  readonly ja3: string | null;
  readonly ja4: string | null;
  /** `Session-ID` of the hello or a ticket was accepted. */
  readonly resumed: boolean;
  readonly remotePort: number | null;
}

/** Speaks as all providers do that real clients ask, each request by its path; see the file. */
export const PROVIDER_SERVER: ServerProgram<ProviderRequest, object> = {
  file: new URL("servers/provider-server.ts", import.meta.url),
};

/** Stands where a credential does: the row of the table, and which of its calls it is. */
export const keyOf = (row: number, call: number): string => `labkey-${row}-${call}-x`;

/** The key within a request's path and headers. Some clients sign theirs, or encode it. */
export const KEY = /labkey-\d+-\d+-x/;
