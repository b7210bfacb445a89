/** The page's server: loopback, read-only. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { filesFrom } from "../../traces/event-files.js";
import { ANSWERS, messageOf, sendJson } from "./answers.js";
import { Catalogue } from "./catalogue.js";
import { admit, COOKIE, HEADERS, type Keys, newKeys } from "./guard.js";
import { type PageFile, readPageFiles } from "./page-files.js";

export interface UiOptions {
  /** Folder of the event files. */
  readonly folder: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Path of the certificate of Oximy's authority, for the advice. */
  readonly certificate: string;
}

export interface UiServer {
  readonly port: number;
  /** With the token. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Throws OximyError OXIMY_E_FILE without a built page, OXIMY_E_OUTPUT_DIR when the folder cannot be read, and what
 * `listen` throws (EADDRINUSE, EACCES).
 */
export async function serveUi({ folder, port, certificate }: UiOptions): Promise<UiServer> {
  const files = readPageFiles();
  filesFrom(folder);
  const catalogue = new Catalogue(folder, certificate);
  const keys = newKeys();
  const ended = new AbortController();
  const servers: Server[] = [];
  const serve = async (host: string, wanted: number): Promise<number> => {
    const server = createServer((request, response) => {
      const port = (server.address() as AddressInfo | null)?.port ?? 0;
      void answer({ request, response, port, keys, files, catalogue, ended: ended.signal });
    });
    // No tunnels or upgrades: without a listener for them Node closes the connection.
    server.on("clientError", (_error, socket) => socket.destroy());
    server.listen({ host, port: wanted, ipv6Only: true });
    await once(server, "listening");
    servers.push(server);
    return (server.address() as AddressInfo).port;
  };
  const own = await serve("127.0.0.1", port);
  // Without IPv6, or if the port is in use there, the IPv4 listener is enough.
  await serve("::1", own).catch(() => {});
  return {
    port: own,
    address: `http://127.0.0.1:${own}/?token=${keys.token}`,
    close: async () => {
      ended.abort();
      for (const server of servers) {
        const closed = once(server, "close");
        server.close();
        server.closeAllConnections();
        await closed;
      }
    },
  };
}

interface Asking {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly port: number;
  readonly keys: Keys;
  readonly files: ReadonlyMap<string, PageFile>;
  readonly catalogue: Catalogue;
  readonly ended: AbortSignal;
}

async function answer({ request, response, port, keys, files, catalogue, ended }: Asking): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  const { method = "", url = "", headers } = request;
  const admission = admit({ method, target: url, headers }, port, keys);
  if (admission.kind === "refused") {
    response.writeHead(admission.status, { "Content-Type": "text/plain; charset=utf-8" });
    response.end(`${admission.why}\n`);
    return;
  }
  if (admission.kind === "exchanged") {
    const path = `/${keys.place}/`;
    const cookie = `${COOKIE}=${keys.cookie}; Path=${path}; HttpOnly; SameSite=Strict`;
    response.writeHead(303, { Location: path, "Set-Cookie": cookie }).end();
    return;
  }
  const { path, query } = admission;
  const file = files.get(path === "" ? "index.html" : path);
  if (file !== undefined) {
    response.writeHead(200, { "Content-Type": file.type, "Content-Length": file.bytes.length });
    response.end(method === "HEAD" ? undefined : file.bytes);
    return;
  }
  const give = Object.hasOwn(ANSWERS, path) ? ANSWERS[path] : undefined;
  if (give === undefined) return sendJson(response, 404, { error: "Not found." });
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  response.on("error", () => {}); // the client disconnected
  try {
    await give({ catalogue, response, query, signal: AbortSignal.any([gone.signal, ended]) });
  } catch (error) {
    if (response.headersSent) response.destroy();
    else sendJson(response, 500, { error: messageOf(error) });
  }
}
