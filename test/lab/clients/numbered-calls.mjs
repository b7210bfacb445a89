/**
 * Chat calls, each with a text of its own, and prints how many got their own text back:
 *
 *   numbered-calls.mjs HOST NAME COUNT https|h2
 *
 * `https` opens a connection for each, one after the other; `h2` sends 100 at a time on one connection.
 */
import { connect } from "node:http2";
import { request } from "node:https";
import { text } from "node:stream/consumers";

const [host, name, count, protocol] = process.argv.slice(2);
const path = "/v1/chat/completions";
const type = { "content-type": "application/json" };
const bodyOf = (content) => JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content }] });
const contentOf = (answer) => JSON.parse(answer).choices[0].message.content;

const overHttps = (content) =>
  new Promise((resolve, reject) => {
    request({ host, path, method: "POST", headers: type, agent: false }, (response) =>
      resolve(text(response)),
    )
      .on("error", reject)
      .end(bodyOf(content));
  });

let session;
const overHttp2 = async (content) => {
  session ??= connect(`https://${host}`);
  const stream = session.request({ ":method": "POST", ":path": path, ...type });
  stream.end(bodyOf(content));
  return text(stream);
};

const [send, atOnce] = protocol === "h2" ? [overHttp2, 100] : [overHttps, 1];
let right = 0;
for (let first = 0; first < Number(count); first += atOnce) {
  const contents = Array.from({ length: atOnce }, (_, i) => `${name} says ${first + i}`);
  const answers = await Promise.all(contents.map(send));
  right += answers.filter((answer, i) => contentOf(answer) === contents[i]).length;
}
session?.close();
console.log(right);
