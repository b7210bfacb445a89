/** Reads event streams side by side and prints how long each event was under way, in milliseconds. */
import { get } from "node:https";

const [host, streams] = process.argv.slice(2);
const now = () => performance.timeOrigin + performance.now();

const read = () =>
  new Promise((resolve, reject) => {
    const delays = [];
    const take = (chunk) => {
      const at = now();
      for (const [, sent] of String(chunk).matchAll(/"sentAt":([\d.]+)/g)) delays.push(at - Number(sent));
    };
    const request = get(`https://${host}/events/200/5`, { agent: false }, (response) => {
      response
        .on("data", take)
        .on("end", () => resolve(delays))
        .on("error", reject);
    });
    request.on("error", reject);
  });

const delays = await Promise.all(Array.from({ length: Number(streams) }, read));
console.log(JSON.stringify(delays.flat()));
