/**
 * Says from when on the network works: for each line `SINCE` (epoch ms) of its input, a new connection to each host of
 * `node prober.mjs HOST…` is begun every 100 ms until one has brought an answer, and `{"HOST": ms since SINCE}` is printed.
 */
import { get } from "node:https";
import { createInterface } from "node:readline";

const hosts = process.argv.slice(2);
const ATTEMPT_MS = 15_000;

function attempt(host) {
  return new Promise((resolve) => {
    const request = get({ host, path: "/download/1000", agent: false, timeout: ATTEMPT_MS }, (response) => {
      let length = 0;
      response.on("data", (bytes) => {
        length += bytes.length;
      });
      response.on("error", () => resolve(false)).on("end", () => resolve(length === 1000));
    });
    request.on("timeout", () => request.destroy()).on("error", () => resolve(false));
  });
}

function worksSince(host, since) {
  return new Promise((resolve) => {
    const begin = () =>
      void attempt(host).then((works) => {
        if (!works) return;
        clearInterval(timer);
        resolve(Date.now() - since);
      });
    const timer = setInterval(begin, 100);
    begin();
  });
}

for await (const line of createInterface(process.stdin)) {
  const taken = await Promise.all(hosts.map((host) => worksSince(host, Number(line))));
  console.log(JSON.stringify(Object.fromEntries(hosts.map((host, index) => [host, taken[index]]))));
}
