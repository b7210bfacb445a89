/**
 * Says from when on the network works: for each line `SINCE` (epoch ms) of its input, a new connection to each host of
 * `node prober.mjs HOST…` is begun after 100 ms, 200 ms more, 300 ms more … until one has brought an answer, and `{"HOST": ms since SINCE}` is
 * printed. The next is never waited for longer than that: many at once would be a load of their own.
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
    let timer;
    const begin = (wait) => {
      timer = setTimeout(() => begin(wait + 100), wait);
      void attempt(host).then((works) => {
        if (!works) return;
        clearTimeout(timer);
        resolve(Date.now() - since);
      });
    };
    begin(100);
  });
}

for await (const line of createInterface(process.stdin)) {
  const taken = await Promise.all(hosts.map((host) => worksSince(host, Number(line))));
  console.log(JSON.stringify(Object.fromEntries(hosts.map((host, index) => [host, taken[index]]))));
}
