/** One call by what Node itself has, or a package of a protocol: `node.mjs https|fetch|http2|ws|grpc`. */
import { on, once } from "node:events";
import { readFileSync } from "node:fs";

const host = "api.openai.com";
const path = "/v1/chat/completions";
const body = JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "Hello" }] });
const headers = { authorization: `Bearer ${process.env.API_KEY}`, "content-type": "application/json" };

async function readAll(stream) {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

const callers = {
  async https() {
    const { request } = await import("node:https");
    const asked = request({ host, path, method: "POST", headers }).end(body);
    const [response] = await once(asked, "response");
    return JSON.parse(await readAll(response));
  },
  async fetch() {
    const response = await fetch(`https://${host}${path}`, { method: "POST", headers, body });
    return response.json();
  },
  async http2() {
    const { connect } = await import("node:http2");
    const session = connect(`https://${host}`);
    const stream = session.request({ ":method": "POST", ":path": path, ...headers });
    // What breaks the session is told on it alone.
    const broken = once(session, "close").then(() => Promise.reject(new Error("the session is closed")));
    const text = await Promise.race([readAll(stream.end(body)), broken]);
    session.close();
    return JSON.parse(text);
  },
  async ws() {
    const { default: WebSocket } = await import("ws");
    const socket = new WebSocket(`wss://${host}/v1/responses`, { headers });
    await once(socket, "open");
    const events = on(socket, "message");
    socket.send(JSON.stringify({ type: "response.create", model: "gpt-4o", input: "Hello" }));
    for await (const [message] of events) {
      const { type } = JSON.parse(message);
      if (type !== "response.completed") continue;
      socket.close();
      await once(socket, "close");
      return { choices: [] };
    }
  },
  async grpc() {
    const { Client, credentials, Metadata } = await import("@grpc/grpc-js");
    const { NODE_EXTRA_CA_CERTS: extra } = process.env;
    // The package passes its roots to Node itself, or none; Node then adds its own and the variable's.
    const secure = credentials.createSsl(extra ? readFileSync(extra) : null);
    const client = new Client("generativelanguage.googleapis.com", secure, {
      "grpc.service_config_disable_resolution": 1, // that would wait for a name server
    });
    const metadata = new Metadata();
    metadata.set("x-goog-api-key", process.env.API_KEY);
    const method = "/google.ai.generativelanguage.v1beta.GenerativeService/GenerateContent";
    const same = (bytes) => bytes;
    await new Promise((resolve, reject) =>
      client.makeUnaryRequest(method, same, same, Buffer.from("hello"), metadata, (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    client.close();
    return { choices: [] };
  },
};

const { choices } = await callers[process.argv[2]]();
if (!Array.isArray(choices)) throw new Error("not the answer that was asked for");
console.log("ok");
process.exit(0); // whatever it keeps open
