/** http-mitm-proxy, with bodies gathered by its hooks and written down. */
import { appendFileSync } from "node:fs";
import { Proxy as MitmProxy } from "http-mitm-proxy";

const MOST = 1 << 20;
const [port, file, folder] = process.argv.slice(2);
const proxy = new MitmProxy();
proxy.onError(() => {});
proxy.onRequest((context, done) => {
  const parts = { request: [], response: [] };
  const sizes = { request: 0, response: 0 };
  const take = (side) => (_, chunk, go) => {
    sizes[side] += chunk.length;
    if (sizes[side] <= MOST) parts[side].push(chunk);
    go(null, chunk);
  };
  context.onRequestData(take("request"));
  context.onResponseData(take("response"));
  context.onResponseEnd((_, go) => {
    const text = (side) => Buffer.concat(parts[side]).toString();
    appendFileSync(file, `${JSON.stringify({ request: text("request"), response: text("response") })}\n`);
    go();
  });
  done();
});
proxy.listen({ host: "127.0.0.1", port: Number(port), sslCaDir: folder, keepAlive: true }, () =>
  console.log("ready"),
);
