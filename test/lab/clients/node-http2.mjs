/** node:http2: streams beside each other, an upload, a reset, a ping and a changed setting. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:http2";

const session = connect(process.argv[2], { settings: { initialWindowSize: 1 << 20, headerTableSize: 1024 } });
await once(session, "remoteSettings");

function send(headers, body) {
  const stream = session.request(headers);
  stream.end(body);
  return new Promise((resolve, reject) => {
    const hash = createHash("sha256");
    let status;
    stream.on("response", (fields) => {
      status = fields[":status"];
    });
    stream.on("data", (chunk) => hash.update(chunk)).on("error", reject);
    stream.on("end", () => resolve([status, hash.digest("hex")]));
  });
}

const both = [send({ ":path": "/a", "x-odd": "kept" }), send({ ":path": "/download/100000" })];
console.log(JSON.stringify(await Promise.all(both)));
await new Promise((resolve) => session.ping(Buffer.from("12345678"), resolve));
const secret = { ":method": "POST", ":path": "/b", "x-secret": "never indexed", "content-length": 50_000 };
console.log(
  JSON.stringify(await send({ ...secret, "x-long": "y".repeat(20_000) }, Buffer.alloc(50_000, "z"))),
);
const given = session.request({ ":path": "/wait" });
given.close(8 /* CANCEL, RFC 9113 §7 */);
await once(given, "close");
session.settings({ initialWindowSize: 2 << 20 });
await once(session, "localSettings");
console.log(JSON.stringify(await send({ ":path": "/c" })));
session.close();
