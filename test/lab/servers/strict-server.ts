/**
 * A server of HTTPS that is as strict as it is told, as those of Node are not by themselves: it keeps its own order of
 * cipher suites and does not renegotiate. Answers every first bytes alike. Prints nothing but where it listens.
 */
import { constants } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:tls";
import type { ServerArguments } from "../../../lab/lab-server.js";
import type { StrictSettings } from "../strict-server.js";

const { hosts, port, keyFile, certFile, ...settings } = JSON.parse(process.argv[2]!) as ServerArguments &
  StrictSettings;
/** SSL_OP_NO_RENEGOTIATION (openssl/ssl.h), which Node has no name for. */
const NO_RENEGOTIATION = 1 << 30;
const secureOptions = NO_RENEGOTIATION | constants.SSL_OP_CIPHER_SERVER_PREFERENCE;
const options = { ...settings, secureOptions, key: readFileSync(keyFile!), cert: readFileSync(certFile!) };

const servers = hosts.map((host) =>
  createServer(options, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () =>
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"),
    );
  })
    .on("tlsClientError", () => {}) // what a scanner is for
    .listen(port, host),
);
await Promise.all(servers.map((server) => once(server, "listening")));
process.stdout.write(`${JSON.stringify({ ports: servers.map(() => port) })}\n`);
process.stdin.on("end", () => process.exit()).resume();
