/**
 * A server that keeps to no protocol: each connection is answered with what a generator makes of whole answers of
 * HTTP/1, HTTP/2, WebSocket and bodies of every content encoding. Its argument is ServerArguments with a `seed`.
 * Prints the number of connections so far for each.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:tls";
import type { ServerArguments } from "../../../lab/lab-server.js";
import { Random } from "../../fuzz/mutations.js";
import { hostileBytes } from "./generator.js";

const config = JSON.parse(process.argv[2]!) as ServerArguments & { readonly seed: number };
const random = new Random(config.seed);
let connections = 0;

const tls = {
  key: readFileSync(config.keyFile!),
  cert: readFileSync(config.certFile!),
  ALPNProtocols: ["h2", "http/1.1"],
};
for (const host of config.hosts) {
  const server = createServer({ ...tls, noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => {
      const bytes = hostileBytes("response", socket.alpnProtocol === "h2" ? "h2" : "http/1.1", random);
      for (const piece of bytes) socket.write(piece);
      if (random.below(3) === 0) socket.destroy();
      else socket.end();
    });
    console.log(JSON.stringify(++connections));
  });
  server.on("tlsClientError", () => {});
  await once(server.listen(config.port, host), "listening");
}
console.log(JSON.stringify({ ports: config.hosts.map(() => config.port) }));
