/** The limit of what Node can do: CONNECT, TLS to both sides with one fixed certificate, and a pipe. */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { connect, createSecureContext, TLSSocket } from "node:tls";

const [port, keyFile, certFile] = process.argv.slice(2);
const secureContext = createSecureContext({ key: readFileSync(keyFile), cert: readFileSync(certFile) });
const server = createServer({ noDelay: true }, (client) => {
  client.on("error", () => {});
  client.once("data", (head) => {
    const [, host, to] = /^CONNECT ([^:]+):(\d+)/.exec(head.toString("latin1"));
    client.write("HTTP/1.1 200 OK\r\n\r\n");
    const upstream = connect({ host, port: Number(to), servername: host, ALPNProtocols: ["http/1.1"] });
    const secure = new TLSSocket(client, { isServer: true, secureContext, ALPNProtocols: ["http/1.1"] });
    for (const [from, other] of [
      [secure, upstream],
      [upstream, secure],
    ]) {
      from.on("error", () => other.destroy()).on("close", () => other.destroy());
      from.pipe(other);
    }
  });
});
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 1024 }, () => console.log("ready"));
