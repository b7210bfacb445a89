import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { Endpoint } from "../../../src/connection/client.js";
import {
  type AcceptedConnection,
  acceptedSocket,
  type Listener,
  listenOnLoopback,
  peek,
} from "../../../src/proxy/accept/accepted-connection.js";
import { readOpening } from "../../../src/proxy/verdict/opening.js";
import { clientHello, closing, Inbox, readAll, records } from "../front-rig.js";
import { own, socketPair } from "../sockets.js";

const HEAD = "POST / HTTP/1.1\r\nhost: a.example\r\n\r\n";

test("peeks until the host is known, however the opening is split, and consumes nothing", async () => {
  for (const opening of [Buffer.from(HEAD), records(clientHello(1_800), 500)]) {
    const whole = Buffer.concat([opening, Buffer.from("body")]);
    const [client, accepted] = await socketPair();
    const peeked = peek(accepted);
    for (const byte of whole.subarray(0, 20)) client.write(Buffer.from([byte]));
    client.end(whole.subarray(20));
    const bytes = await peeked;
    expect(readOpening(bytes).kind).toMatch(/^(http|tls)$/);
    expect(bytes).toEqual(whole.subarray(0, bytes.length));
    expect(await readAll(accepted)).toEqual(whole);
  }
});

test("waits no longer than it must for bytes that cannot become a head or hello", async () => {
  const [client, accepted] = await socketPair();
  client.write("SSH-2.0-OpenSSH_9.2\r\n");
  expect((await peek(accepted)).toString()).toBe("SSH-2.0-OpenSSH_9.2\r\n");
});

test("resolves with nothing for a client that waits for the server to speak", async () => {
  const [, accepted] = await socketPair();
  expect(await peek(accepted)).toHaveLength(0);
});

test("resolves when the client resets", async () => {
  const [client, accepted] = await socketPair();
  const peeked = peek(accepted);
  client.resetAndDestroy();
  expect(await peeked).toHaveLength(0);
});

/** A server that says what it heard, and where it listens. */
async function server(): Promise<{ readonly target: Endpoint; readonly accepted: Inbox<Socket> }> {
  const accepted = new Inbox<Socket>();
  const listening = net.createServer({ allowHalfOpen: true }, (socket) => accepted.put(own(socket)));
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  onTestFinished(() => void listening.close());
  return { target: { address: "127.0.0.1", port: (listening.address() as AddressInfo).port }, accepted };
}

async function arrivalOf(client: Socket, accepted: Socket): Promise<AcceptedConnection> {
  const peer = { address: "127.0.0.1", port: client.localPort! };
  const ends = { acceptedAt: Date.now(), peer, destination: undefined, clientRemote: peer };
  return acceptedSocket(accepted, await peek(accepted), ends);
}

test.each(["", "GET / HTT", "\x16\x03\x01"])(
  "a client that ends after %j is passed through to its end",
  async (said) => {
    const { target, accepted } = await server();
    const [client, socket] = await socketPair();
    client.end(said);
    const passed = (await arrivalOf(client, socket)).passthrough(target);
    const far = await accepted.next();
    expect((await readAll(far)).toString()).toBe(said);
    far.end("what?");
    expect((await readAll(client)).toString()).toBe("what?");
    expect(await passed).toEqual({ cause: "ended", bytesUp: said.length, bytesDown: 5 });
  },
);

test("a client that resets while its verdict is thought over leaves no connection to the server", async () => {
  const { target, accepted } = await server();
  const [client, socket] = await socketPair();
  client.write(HEAD);
  const arrival = await arrivalOf(client, socket);
  const gone = closing(socket);
  client.resetAndDestroy();
  await gone;
  expect((await arrival.passthrough(target)).cause).toBe("client_aborted");
  if (accepted.size > 0) await closing(await accepted.next());
});

test("a server that nobody reaches ends the client with a reset", async () => {
  const { target } = await server();
  const [client, socket] = await socketPair();
  client.write(HEAD);
  const seen = closing(client);
  const unreachable = { address: "127.0.0.1", port: target.port === 1 ? 2 : 1 };
  const end = await (await arrivalOf(client, socket)).passthrough(unreachable);
  expect(end).toEqual({ cause: "server_closed", bytesUp: HEAD.length, bytesDown: 0, error: "ECONNREFUSED" });
  expect(await seen).toBe("ECONNRESET");
});

interface Heard {
  readonly listener: Listener;
  readonly arrivals: Inbox<AcceptedConnection>;
}

async function hear(originalDestination: (socket: Socket) => Endpoint | null): Promise<Heard> {
  const arrivals = new Inbox<AcceptedConnection>();
  const listener = await listenOnLoopback({
    port: 0,
    originalDestination,
    onAccept: () => undefined,
    onConnection: (arrival) => arrivals.put(arrival),
  });
  onTestFinished(() => {
    listener.close();
    listener.destroy();
  });
  return { listener, arrivals };
}

test("listens on both loopback addresses, and tells a redirected client from one that came by itself", async () => {
  const destination = { address: "192.0.2.1", port: 443 };
  const redirected = await hear(() => destination);
  const direct = await hear((socket) => ({ address: socket.localAddress!, port: socket.localPort! }));
  for (const host of ["127.0.0.1", "::1"]) {
    const client = own(net.connect({ host, port: redirected.listener.port }));
    client.write(HEAD);
    const arrival = await redirected.arrivals.next();
    expect(arrival.destination).toEqual(destination);
    expect(arrival.clientRemote).toEqual(destination);
    expect(arrival.peer).toEqual({ address: host, port: client.localPort });
    const other = own(net.connect({ host, port: direct.listener.port }));
    other.write(HEAD);
    const itself = await direct.arrivals.next();
    expect(itself.destination).toBeUndefined();
    expect(itself.clientRemote).toEqual({ address: host, port: direct.listener.port });
  }
});

test("a port that is taken is told, and nothing stays open", async () => {
  const { listener } = await hear(() => null);
  const taken = listenOnLoopback({
    port: listener.port,
    originalDestination: () => null,
    onAccept: () => undefined,
    onConnection: () => {},
  });
  await expect(taken).rejects.toThrow("EADDRINUSE");
});

test("a rejected client sees a reset, and destroying the listener ends what it still holds", async () => {
  const { listener, arrivals } = await hear(() => null);
  const [first, second] = [0, 1].map(() => own(net.connect({ host: "127.0.0.1", port: listener.port })));
  const ends = [closing(first!), closing(second!)];
  first!.write(HEAD);
  (await arrivals.next()).reject();
  expect(await ends[0]).toBe("ECONNRESET");
  second!.write(HEAD);
  await arrivals.next();
  listener.destroy();
  expect(await ends[1]).toBe("ECONNRESET");
});
