/** node:https over one kept-alive connection: odd header case, trailers, a download, and an answer to `Expect`. */
import { createHash } from "node:crypto";
import { Agent, request } from "node:https";

const base = process.argv[2];
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function send(path, { method = "GET", headers = {}, body = "", trailers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const req = request(new URL(path, base), { method, headers, agent }, (response) => {
      const hash = createHash("sha256");
      response.on("data", (chunk) => hash.update(chunk));
      response.on("end", () => {
        const names = response.rawHeaders.filter((_, index) => index % 2 === 0);
        resolve([response.statusCode, names, response.trailers, hash.digest("hex")]);
      });
    });
    req.on("error", reject);
    if ("expect" in headers) return req.on("continue", () => req.end(body));
    if (body) req.write(body);
    req.addTrailers(trailers);
    req.end();
  });
}

console.log(JSON.stringify(await send("/a?b", { headers: { "X-oDD-case": "kept", "x-twice": ["1", "2"] } })));
const chunked = { "transfer-encoding": "chunked", trailer: "X-Sum" };
console.log(
  JSON.stringify(
    await send("/b", { method: "POST", headers: chunked, body: "body", trailers: { "X-Sum": "4" } }),
  ),
);
const expect = { expect: "100-continue", "content-length": 4 };
console.log(JSON.stringify(await send("/c", { method: "PUT", headers: expect, body: "late" })));
console.log(JSON.stringify(await send("/download/300000")));
agent.destroy();
