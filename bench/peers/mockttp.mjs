/** mockttp, passing everything through, with requests and answers written down as its users do. */
import { appendFileSync } from "node:fs";
import { generateCACertificate, getLocal } from "mockttp";

const [port, file] = process.argv.slice(2);
const server = getLocal({ https: await generateCACertificate(), recordTraffic: false });
await server.forAnyRequest().thenPassThrough();
const write = async ({ id, url, statusCode, body }) =>
  appendFileSync(file, `${JSON.stringify({ id, url, statusCode, body: await body.getText() })}\n`);
await server.on("request", write);
await server.on("response", write);
await server.start(Number(port));
console.log("ready");
