import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** Two ends of one TCP connection over loopback, both half-open. They go with the test. */
export async function socketPair(): Promise<readonly [Socket, Socket]> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const near = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  const [[far]] = (await Promise.all([once(server, "connection"), once(near, "connect")])) as [
    [Socket],
    unknown,
  ];
  server.close();
  for (const socket of [near, far]) own(socket);
  return [near, far];
}

/** Destroyed with the test; its errors are looked at by who waits for them. */
export function own(socket: Socket): Socket {
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}
