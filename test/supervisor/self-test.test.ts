import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { SELF_TEST_HELLO, selfTest } from "../../src/supervisor/self-test.js";

const NONCE = "0123456789abcdef";

async function listener(onHello: (socket: Socket, hello: string) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.once("data", (hello) => onHello(socket, hello.toString()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("our own listener answers with the nonce, in however many pieces", async () => {
  const port = await listener((socket, hello) => {
    expect(hello).toBe(SELF_TEST_HELLO);
    socket.write(NONCE.slice(0, 5), () => setImmediate(() => socket.end(NONCE.slice(5))));
  });
  expect(await selfTest("127.0.0.1", port, NONCE)).toEqual({ kind: "arrived" });
});

const STRANGERS: Record<string, (socket: Socket) => void> = {
  "says nothing and goes": (socket) => socket.end(),
  "says half of it and goes": (socket) => socket.end(NONCE.slice(0, 5)),
  "says another thing and stays": (socket) => socket.write("HTTP/1.1 302 Found\r\n"),
  "says more than the nonce": (socket) => socket.write(`${NONCE}!`),
  "never stops talking": (socket) => {
    const talk = setInterval(() => socket.write("x"), 10);
    socket.once("close", () => clearInterval(talk));
  },
};

test.each(Object.entries(STRANGERS))("somebody else who %s is told from us", async (_how, answer) => {
  const port = await listener(answer);
  expect(await selfTest("127.0.0.1", port, NONCE)).toEqual({
    kind: "failed",
    reason: "IPv4: somebody else answered",
  });
});

test("nobody who listens is a failure, and silence is one after three seconds", async () => {
  const port = await listener(() => {});
  expect(await selfTest("127.0.0.1", port, NONCE)).toEqual({
    kind: "failed",
    reason: "IPv4: no answer within 3 s",
  });
  expect(await selfTest("::1", 1, NONCE)).toEqual({ kind: "failed", reason: "IPv6: ECONNREFUSED" });
});
