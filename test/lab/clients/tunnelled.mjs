/**
 * One question to https://api.openai.com through the tunnel of HTTPS_PROXY: `tunnelled.mjs https|http2 MODEL`. It trusts the
 * machine's roots and nothing that the environment names.
 */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { Agent, request as requestTls } from "node:https";
import { connect } from "node:tls";

const [protocol, model] = process.argv.slice(2);
const host = "api.openai.com";
const ca = readFileSync("/etc/ssl/certs/ca-certificates.crt");
const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] });
const proxy = new URL(process.env.HTTPS_PROXY);

const raw = await new Promise((resolve, reject) => {
  const tunnel = request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: `${host}:443` });
  tunnel
    .on("connect", (_response, socket) => resolve(socket))
    .on("error", reject)
    .end();
});
const ALPNProtocols = [protocol === "http2" ? "h2" : "http/1.1"];
const socket = connect({ socket: raw, servername: host, ca, ALPNProtocols });

const fields = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
const path = "/v1/chat/completions";
if (protocol === "http2") {
  const session = connectHttp2(`https://${host}`, { createConnection: () => socket });
  const stream = session.request({ ":method": "POST", ":path": path, ...fields });
  stream.end(body);
  await print(stream);
  session.close();
} else {
  const agent = new Agent();
  agent.createConnection = () => socket;
  const asked = requestTls({ host, path, method: "POST", headers: fields, agent });
  asked.end(body);
  await print(await new Promise((resolve, reject) => asked.on("response", resolve).on("error", reject)));
  socket.end();
}

async function print(answer) {
  let text = "";
  for await (const chunk of answer) text += chunk;
  console.log(JSON.parse(text).choices[0].message.content);
}
