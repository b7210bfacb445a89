import { once } from "node:events";
import { connect, createSecureContext, TLSSocket } from "node:tls";
import { expect, it } from "vitest";
import { peek } from "../../src/proxy/accept/accepted-connection.js";
import { relay } from "../../src/proxy/relay.js";
import { UpstreamConnector } from "../../src/proxy/upstream/upstream.js";
import { HOST, helloOf } from "./client-hello-rig.js";
import { certificateFor, ROOT, rawServer, tlsServer } from "./upstream-rig.js";

/** What a client of that TLS version sees through a relay, time after time: is its session resumed? */
async function resumptions(target: { port: number }, version: "TLSv1.2" | "TLSv1.3", times: number) {
  const seen: boolean[] = [];
  let session: Buffer | undefined;
  for (let time = 0; time < times; time++) {
    const client = connect({
      port: target.port,
      host: "127.0.0.1",
      servername: HOST,
      ca: ROOT,
      minVersion: version,
      maxVersion: version,
      ...(session ? { session } : {}),
    });
    client.on("session", (given: Buffer) => {
      session = given;
    });
    expect(String(await once(client, "data"))).toBe("hello");
    seen.push(client.isSessionReused());
    client.end();
    await once(client, "close");
  }
  return seen;
}

it.each(["TLSv1.2", "TLSv1.3"] as const)(
  "a client that resumes has both sessions resumed (%s)",
  async (version) => {
    await using server = await tlsServer();
    const upstream = new UpstreamConnector({ roots: [ROOT], env: {} });
    // One context for a host, as the mint keeps it: it holds the keys of the tickets that it gives.
    const secureContext = createSecureContext(certificateFor(HOST));
    await using front = await rawServer(async (socket) => {
      socket.allowHalfOpen = true;
      const hello = helloOf(await peek(socket));
      const result = await upstream.connect(server.target, HOST, hello);
      if (result.kind !== "secure") return void socket.destroy();
      await relay({ stream: new TLSSocket(socket, { isServer: true, secureContext }), socket }, result.side);
    });
    expect(await resumptions(front.target, version, 3)).toEqual([false, true, true]);
    expect(server.sessions).toEqual(["new", "resumed", "resumed"]);
  },
);
