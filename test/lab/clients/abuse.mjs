/** What no well-behaved client does: `node abuse.mjs CASE HOST` does it and prints what came of it. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

const [name, host, other] = process.argv.slice(2);

async function secure(options = {}) {
  const socket = connectTls({ host, port: 443, servername: host, ALPNProtocols: ["http/1.1"], ...options });
  await once(socket, "secureConnect");
  return socket;
}

/** All that comes until the end, with how it ended; dates taken out. */
async function rest(socket) {
  const chunks = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  const end = await new Promise((resolve) => {
    socket.once("end", () => resolve("ended")).once("error", (error) => resolve(error.code));
  });
  socket.destroy();
  return {
    end,
    text: Buffer.concat(chunks)
      .toString("latin1")
      .replace(/^Date: .*$/gim, "Date"),
  };
}

/** A TLS session whose bytes leave one by one. */
async function inSingleBytes() {
  const tcp = connectTcp({ host, port: 443, noDelay: true });
  await once(tcp, "connect");
  const slow = new Duplex({
    read() {},
    async write(bytes, _, done) {
      for (const byte of bytes)
        await new Promise((sent) => tcp.write(Buffer.of(byte), () => setImmediate(sent)));
      done();
    },
    final: (done) => tcp.end(done),
  });
  tcp.on("data", (chunk) => slow.push(chunk)).on("end", () => slow.push(null));
  return secure({ socket: slow });
}

const ask = (path, ...headers) =>
  [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...headers, "Connection: close", "", ""].join("\r\n");
const raw = (text) => async () => {
  const socket = await secure();
  socket.write(text);
  return rest(socket);
};
const post = (...lines) => raw([`POST /a HTTP/1.1`, `Host: ${host}`, ...lines].join("\r\n"));
const over = (options) => async () => {
  const socket = await secure(options);
  socket.write(ask("/a"));
  return rest(socket);
};

/** Bytes that look random and are the same in each run. */
const noise = (seed) =>
  Buffer.concat([0, 1, 2, 3].map((part) => createHash("sha512").update(`${seed} ${part}`).digest())).subarray(
    seed % 256,
  );

const frame = (type, flags, stream, payload) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

const CASES = {
  "client abort": async () => {
    const socket = await secure();
    socket.write(ask("/download/10000000"));
    await once(socket, "data");
    socket.resetAndDestroy();
  },
  "abort in the hello": async () => {
    const socket = connectTcp(443, host);
    await once(socket, "connect");
    socket.write(Buffer.from("1603010200010001fc0303", "hex"));
    await pause(20);
    socket.resetAndDestroy();
  },
  "server reset": raw(ask("/reset")),
  "half-close": async () => {
    const socket = await secure({ allowHalfOpen: true });
    socket.end(ask("/events/5/20"));
    return (await rest(socket)).end;
  },
  slowloris: async () => {
    const socket = await secure();
    const got = rest(socket);
    for (const byte of ask("/a")) {
      socket.write(byte);
      await pause(5);
    }
    return got;
  },
  "hello in single bytes": async () => {
    const socket = await inSingleBytes();
    socket.write(ask("/a"));
    return rest(socket);
  },
  "hello of 16 KiB": over({
    ALPNProtocols: [...Array.from({ length: 62 }, (_, index) => `${index}${"x".repeat(248)}`), "http/1.1"],
  }),
  "TLS 1.0": over({ minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" }),
  "TLS 1.1": over({ minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
  SSLv3: async () => {
    const socket = connectTcp(443, host);
    const hello = `0100002b0300${"11".repeat(32)}000004000a00050100`;
    socket.write(Buffer.from(`1603000${"02f"}${hello}`, "hex"));
    return (await rest(socket)).text.length > 0 ? "answered" : "closed";
  },
  "no SNI": over({ servername: "", rejectUnauthorized: false }),
  "SNI that lies about Host": raw(`GET /a HTTP/1.1\r\nHost: ${other}\r\nConnection: close\r\n\r\n`),
  "CL.TE": post("Content-Length: 6", "Transfer-Encoding: chunked", "", "0", "", "GET /smuggled HTTP/1.1"),
  "TE.CL": post(
    "Transfer-Encoding: chunked",
    "Content-Length: 4",
    "",
    "5c",
    "GPOST / HTTP/1.1",
    "",
    "0",
    "",
    "",
  ),
  "TE that is none": post("Transfer-Encoding: xchunked", "", "0", "", ""),
  "two lengths": post("Content-Length: 1", "Content-Length: 2", "", "ab"),
  "bare LF": raw(`GET /a HTTP/1.1\nHost: ${host}\nConnection: close\n\n`),
  "folded header": raw(ask("/a", "X-Long: one", "  two")),
  "oversized header": raw(ask("/a", `X-Long: ${"x".repeat(20_000)}`)),
  "oversized request line": raw(ask(`/${"x".repeat(20_000)}`)),
  "HPACK bomb": async () => {
    const socket = await secure({ ALPNProtocols: ["h2"] });
    const big = Buffer.concat([
      Buffer.from("40016100".slice(0, 6), "hex"),
      Buffer.from("7f811e", "hex"),
      Buffer.alloc(4000, "b"),
    ]);
    const request = Buffer.from("82848741", "hex");
    const authority = Buffer.concat([Buffer.of(host.length), Buffer.from(host)]);
    const block = Buffer.concat([request, authority, big, Buffer.alloc(12_000, 0xbe)]);
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(frame(4, 0, 0, Buffer.alloc(0)));
    for (let stream = 1; stream < 20; stream += 2) socket.write(frame(1, 5, stream, block));
    setTimeout(() => socket.destroy(), 300);
    await once(socket, "close");
  },
  "random bytes": async () => {
    const one = async (seed) => {
      const socket = connectTcp(443, host);
      socket.end(noise(seed));
      return (await rest(socket)).end;
    };
    for (let seed = 0; seed < 500; seed += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, index) => one(seed + index)));
    }
  },
  "random bytes within TLS": async () => {
    const one = async (seed) => {
      const socket = await secure({ ALPNProtocols: seed % 2 ? ["h2"] : ["http/1.1"] });
      socket.end(noise(seed));
      return (await rest(socket)).end;
    };
    for (let seed = 0; seed < 500; seed += 10) {
      await Promise.all(Array.from({ length: 10 }, (_, index) => one(seed + index)));
    }
  },
};

const timer = setTimeout(() => {
  console.log("hangs");
  process.exit(1);
}, 40_000);
const result = await CASES[name]().catch((error) => error.code ?? error.message);
clearTimeout(timer);
console.log(JSON.stringify(result ?? "done"));
