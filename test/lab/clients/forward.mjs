/**
 * `forward.mjs NAME…`: makes a request to each host, so that Oximy knows that this program trusts it, and then forwards
 * connections to it, byte for byte. What a scanner does is then not taken for a program that refuses our certificate.
 * Prints the local ports in the order of the names.
 */
import { once } from "node:events";
import { get } from "node:https";
import { connect, createServer } from "node:net";

const ports = [];
for (const host of process.argv.slice(2)) {
  const [response] = await once(get({ host, agent: false }), "response");
  response.resume();
  await once(response, "end");
  const server = createServer((client) => {
    const upstream = connect({ host, port: 443 });
    client.pipe(upstream).pipe(client);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ])
      one.on("error", () => other.resetAndDestroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  ports.push(server.address().port);
}
console.log(JSON.stringify(ports));
