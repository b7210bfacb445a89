import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { Endpoint } from "../../../src/connection/client.js";
import type { AcceptedConnection } from "../../../src/proxy/accept/accepted-connection.js";
import { listen } from "../../../src/proxy/accept/listener.js";
import { relay, tcpSide } from "../../../src/proxy/relay.js";
import { closing, Inbox, readAll } from "../front-rig.js";
import { own } from "../sockets.js";

const HEAD = "GET / HTTP/1.1\r\nhost: a.example\r\n\r\n";

interface Heard {
  readonly arrivals: Inbox<readonly [AcceptedConnection, unknown]>;
  readonly connect: (host: string) => Socket;
  readonly close: () => void;
}

async function hear(): Promise<Heard> {
  const arrivals = new Inbox<readonly [AcceptedConnection, unknown]>();
  const listener = await listen({
    port: 0,
    originalDestination: () => null,
    onAccept: ({ peer }) => `accepted ${peer.port}`,
    onConnection: (arrival, accepted) => arrivals.put([arrival, accepted]),
  });
  onTestFinished(() => {
    listener.close();
    listener.destroy();
  });
  const connect = (host: string) => own(net.connect({ host, port: listener.port, allowHalfOpen: true }));
  return { arrivals, connect, close: () => listener.close() };
}

async function echoServer(): Promise<Endpoint> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => own(socket).pipe(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { address: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

test.each(["127.0.0.1", "::1"])(
  "a client at %s arrives with what was asked of it at its accept",
  async (host) => {
    const { arrivals, connect } = await hear();
    const client = connect(host);
    client.write(HEAD);
    const [arrival, accepted] = await arrivals.next();
    expect(accepted).toBe(`accepted ${client.localPort}`);
    expect(arrival.peer).toEqual({ address: host, port: client.localPort });
    expect(arrival.destination).toBeUndefined();
    expect(arrival.peeked.toString()).toBe(HEAD);
    expect(Math.abs(arrival.acceptedAt - Date.now())).toBeLessThan(5_000);
  },
);

test("an arrival can be passed through, whole and with its counts", async () => {
  const { arrivals, connect } = await hear();
  const client = connect("127.0.0.1");
  client.end(`${HEAD}body`);
  const [arrival] = await arrivals.next();
  const passed = arrival.passthrough(await echoServer());
  expect((await readAll(client)).toString()).toBe(`${HEAD}body`);
  const bytes = HEAD.length + 4;
  expect(await passed).toEqual({ cause: "ended", bytesUp: bytes, bytesDown: bytes });
});

test("an arrival can be taken, with nothing consumed, and then still be passed through", async () => {
  const { arrivals, connect } = await hear();
  for (const how of ["taken", "given back"]) {
    const client = connect("127.0.0.1");
    client.end(HEAD);
    const [arrival] = await arrivals.next();
    const socket = arrival.take()!;
    const target = await echoServer();
    const server = () => net.connect({ host: target.address, port: target.port, allowHalfOpen: true });
    const end = how === "taken" ? relay(tcpSide(socket), tcpSide(server())) : arrival.passthrough(target);
    expect((await readAll(client)).toString()).toBe(HEAD);
    expect(await end).toEqual({ cause: "ended", bytesUp: HEAD.length, bytesDown: HEAD.length });
  }
});

test("a rejected client sees a reset, before it was taken and after", async () => {
  const { arrivals, connect } = await hear();
  for (const how of ["untaken", "taken"]) {
    const client = connect("127.0.0.1");
    client.write(HEAD);
    const [arrival] = await arrivals.next();
    if (how === "taken") arrival.take();
    const seen = closing(client);
    arrival.reject();
    expect(await seen).toBe("ECONNRESET");
  }
});

test("a client that resets after it was taken harms nobody", async () => {
  const { arrivals, connect } = await hear();
  const client = connect("127.0.0.1");
  client.write(HEAD);
  const [arrival] = await arrivals.next();
  const socket = arrival.take()!;
  client.resetAndDestroy();
  await once(client, "close");
  const seen = closing(socket);
  socket.write("answer");
  expect(await seen).toMatch(/^(ECONNRESET|EPIPE)$/);
  arrival.reject();
});

test("a closed listener takes nobody new, and what is open goes on", async () => {
  const { arrivals, connect, close } = await hear();
  const client = connect("127.0.0.1");
  client.write(HEAD);
  const [arrival] = await arrivals.next();
  const passed = arrival.passthrough(await echoServer());
  close();
  client.end("more");
  expect((await readAll(client)).toString()).toBe(`${HEAD}more`);
  await passed;
  expect(await closing(connect("127.0.0.1"))).toBe("ECONNREFUSED");
});
