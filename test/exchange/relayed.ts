import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import type { Direction } from "../../src/connection/direction.js";
import { type ConnectionOptions, createConnectionReader } from "../../src/exchange/connection.js";
import { createReport, LIMITS, type Report, type Step } from "./recording.js";

export interface Relay {
  readonly port: number;
  /** What the readers of all connections reported together. */
  readonly report: Report;
  /** The bytes of all connections, one after the other. */
  readonly recorded: Step[][];
  /** Resolves when every connection is over and reported. */
  close(): Promise<void>;
}

/** A relay of bytes on loopback whose copy is read while it passes, as it is from a tap. */
export async function startRelay(
  serverPort: number,
  options: Partial<ConnectionOptions> = {},
): Promise<Relay> {
  const report = createReport();
  const recorded: Step[][] = [];
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const upstream = net.connect({ port: serverPort, host: "127.0.0.1", allowHalfOpen: true });
    const reader = createConnectionReader({ scheme: "http", limits: LIMITS, ...options }, report.handlers);
    const steps: Step[] = [];
    recorded.push(steps);
    let isFailed = false;
    const copy = (direction: Direction, from: net.Socket, to: net.Socket): void => {
      from.on("data", (bytes) => {
        const time = performance.now();
        steps.push([direction, Buffer.from(bytes), time]);
        reader.push(direction, bytes, time);
        to.write(bytes);
      });
      from.on("end", () => {
        reader.end(direction, performance.now());
        to.end();
      });
      from.on("error", () => {
        if (!isFailed) reader.close(from === client ? "client_aborted" : "server_closed", performance.now());
        isFailed = true;
        to.destroy();
      });
    };
    copy("request", client, upstream);
    copy("response", upstream, client);
    void Promise.all([once(client, "close"), once(upstream, "close")]).then(() =>
      reader.close("ended", performance.now()),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    report,
    recorded,
    close: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

/** Listens on a free port of loopback. */
export async function listen(server: net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
