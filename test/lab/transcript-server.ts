import type { IncomingHttpHeaders } from "node:http";
import type { ServerProgram } from "../../lab/lab-server.js";

/** A request as the transcript server got it. */
export interface TranscriptRequest {
  /** The transcript that it asked for. */
  readonly title: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers with the transcript that a request names; see the file. */
export const TRANSCRIPT_SERVER: ServerProgram<TranscriptRequest, object> = {
  file: new URL("servers/transcript-server.ts", import.meta.url),
};
