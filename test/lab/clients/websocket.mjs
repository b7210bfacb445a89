/** The `ws` package with permessage-deflate. What it draws by chance is made constant, so that runs can be compared. */
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

crypto.randomBytes = (size) => Buffer.alloc(size, 7);
crypto.randomFillSync = (bytes) => bytes.fill(7);
syncBuiltinESMExports();
const { default: WebSocket } = await import("ws");

const webSocket = new WebSocket(process.argv[2]);
const next = () => new Promise((resolve) => webSocket.once("message", (data) => resolve(data)));
await new Promise((resolve, reject) => webSocket.once("open", resolve).once("error", reject));
for (const message of ["hello", "again ".repeat(1000), Buffer.alloc(70_000, "b")]) {
  webSocket.send(message);
  console.log(webSocket.extensions, (await next()).length);
}
webSocket.ping("still there?");
await new Promise((resolve) => webSocket.once("pong", resolve));
webSocket.close(1000, "done");
await new Promise((resolve) => webSocket.once("close", (code) => resolve(console.log("closed", code))));
