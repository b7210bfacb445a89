/** The relay under test, as a process of its own: `node --import tsx bench/passthrough-relay.ts front|pipe PORT`. */
import net from "node:net";
import { NativeFront } from "../src/proxy/front-native.js";

const [kind, port] = process.argv.slice(2);
const upstream = { address: "127.0.0.1", port: Number(port) };

function listen(): Promise<number> {
  if (kind === "front") {
    const front: NativeFront = new NativeFront(
      { listen: [{ address: "127.0.0.1", port: 0 }] },
      { onConnection: ({ id }) => front.passthrough(id, upstream), onPassthroughEnd() {} },
    );
    return Promise.resolve(front.addresses[0]!.port);
  }
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const socket = net.connect({ host: upstream.address, port: upstream.port, allowHalfOpen: true });
    client.on("error", () => socket.destroy());
    socket.on("error", () => client.destroy());
    client.pipe(socket);
    socket.pipe(client);
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port)),
  );
}

/** Each message asks for the CPU time so far, of all threads, in microseconds. */
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send!(user + system);
});
process.on("disconnect", () => process.exit());
process.send!(await listen());
