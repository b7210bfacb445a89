/**
 * The load of the comparison: HTTP/1.1 over TLS, written by hand to cost little. One argument, as JSON:
 * `via` ("direct", or the port of a proxy on loopback that is asked by CONNECT, or with `sni` by the name in TLS),
 * `work`, and what the work needs. Prints figures as JSON.
 */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";

const task = JSON.parse(process.argv[2]);
const now = () => performance.timeOrigin + performance.now();
const quantile = (values, part) => values.sort((a, b) => a - b)[Math.floor((values.length - 1) * part)];
const BODY = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "z".repeat(900) }] });

async function dial(name) {
  const port = task.proxyPort;
  const options = { servername: name, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] };
  let secure;
  if (port === undefined) secure = connectTls({ host: name, port: 443, ...options });
  else {
    const tcp = connectTcp({ host: "127.0.0.1", port, noDelay: true });
    await once(tcp, "connect");
    if (task.way === "connect") {
      tcp.write(`CONNECT ${name}:443 HTTP/1.1\r\nHost: ${name}:443\r\n\r\n`);
      let head = "";
      while (!head.endsWith("\r\n\r\n")) head += (await once(tcp, "data"))[0].toString("latin1");
      if (!/^HTTP\/1\.[01] 200/.test(head)) throw new Error(`no tunnel: ${head}`);
    }
    secure = connectTls({ socket: tcp, ...options });
  }
  await once(secure, "secureConnect");
  secure.setNoDelay(true);
  return secure;
}

const request = (method, path, name, body = "") =>
  `${method} ${path} HTTP/1.1\r\nHost: ${name}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const LAST_CHUNK = "0\r\n\r\n";

/** Sends a request and resolves when its answer is there whole: by its length, or up to the last chunk. */
function exchange(socket, text) {
  return new Promise((resolve, reject) => {
    let head = "";
    let left;
    const take = (chunk) => {
      if (left === undefined) {
        head += chunk.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        if (!head.startsWith("HTTP/1.1 200")) return settle(new Error(head.slice(0, 200)));
        // Some peers answer in chunks what came with a length.
        const length = /content-length: *(\d+)/i.exec(head.slice(0, end))?.[1] ?? Number.POSITIVE_INFINITY;
        left = Number(length) - (head.length - end - 4);
      } else left -= chunk.length;
      const last = () => chunk.subarray(-LAST_CHUNK.length).toString("latin1") === LAST_CHUNK;
      if (left <= 0 || (left === Number.POSITIVE_INFINITY && last())) settle();
    };
    const settle = (error) => {
      socket.off("data", take).off("close", closed).off("error", settle);
      if (error) reject(error);
      else resolve();
    };
    const closed = () => settle(new Error("closed"));
    socket.on("data", take).once("close", closed).once("error", settle);
    socket.write(text);
  });
}

const [name] = task.names;
const chat = request("POST", "/v1/chat/completions", name, BODY);

/** Runs `one` `total` times, `task.concurrency` at once; each returns its time. */
async function repeat(total, prepare, one) {
  const times = [];
  let next = 0;
  const start = now();
  await Promise.all(
    Array.from({ length: task.concurrency }, async () => {
      const prepared = await prepare();
      while (next < total) {
        const index = next++;
        const before = now();
        await one(prepared, index);
        times.push(now() - before);
      }
      prepared?.destroy();
    }),
  );
  const rate = total / ((now() - start) / 1000);
  return { rate, p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: quantile(times, 1) };
}

const handshake = async (_, index) => {
  const to = task.names[index % task.names.length];
  const socket = await dial(to);
  await exchange(socket, request("GET", "/v1/models", to));
  socket.destroy();
};

const WORK = {
  requests: () => {
    const text = task.path ? request("GET", task.path, name) : chat;
    return repeat(
      task.total,
      () => dial(name),
      (socket) => exchange(socket, text),
    );
  },
  handshakes: () => repeat(task.total, async () => undefined, handshake),
  /** One live connection, while all other names are used for the first time at once. */
  live: async () => {
    const socket = await dial(name);
    await exchange(socket, chat);
    const times = [];
    let minted = false;
    const start = now();
    const all = Promise.all(task.names.slice(1).map(dial)).then((sockets) => {
      minted = true;
      for (const one of sockets) one.destroy();
      return now() - start;
    });
    while (!minted) {
      const before = now();
      await exchange(socket, chat);
      times.push(now() - before);
    }
    const took = await all;
    socket.destroy();
    return { took, p50: quantile(times, 0.5), max: quantile(times, 1) };
  },
  events: async () => {
    const socket = await dial(name);
    const delays = [];
    socket.write(request("GET", "/events/200/5", name));
    let text = "";
    for await (const chunk of socket) {
      const at = now();
      text += chunk;
      for (const [, sent] of String(chunk).matchAll(/"sentAt":([\d.]+)/g)) delays.push(at - Number(sent));
      if (text.endsWith("\r\n0\r\n\r\n")) break;
    }
    return { events: delays.length, p50: quantile(delays, 0.5), p99: quantile(delays, 0.99) };
  },
  bulk: async () => {
    const socket = await dial(name);
    const before = now();
    await exchange(socket, request("GET", `/bulk/${task.total}`, name));
    const rate = task.total / 2 ** 20 / ((now() - before) / 1000);
    socket.destroy();
    return { rate };
  },
};

console.log(JSON.stringify(await WORK[task.work]()));
process.exit();
