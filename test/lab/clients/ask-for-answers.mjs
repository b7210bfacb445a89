/** Asks one after the other what standard input lists, by HTTP or in a WebSocket, and prints each status. */
import { on, once } from "node:events";
import { request } from "node:https";
import { buffer, json } from "node:stream/consumers";
import WebSocket from "ws";

for (const { host, path, headers, body, said } of await json(process.stdin)) {
  console.log(await (said ? converse(host, path, headers, said) : post(host, path, headers, body)));
}

async function post(host, path, headers, body) {
  const asking = request({ host, path, method: "POST", headers });
  asking.end(Buffer.from(body, "base64"));
  const [answer] = await once(asking, "response");
  await buffer(answer);
  return answer.statusCode;
}

/** Says each message when the last one's turn has ended. */
async function converse(host, path, headers, said) {
  const webSocket = new WebSocket(`wss://${host}${path}`, { headers });
  const heard = on(webSocket, "message");
  await once(webSocket, "open");
  for (const message of said) {
    webSocket.send(JSON.stringify(message));
    for (let type; type !== "response.completed"; ) type = JSON.parse((await heard.next()).value[0]).type;
  }
  webSocket.close();
  await once(webSocket, "close");
  return 101;
}
