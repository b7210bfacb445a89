import { once } from "node:events";
import net from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { loadNative } from "../../src/native/native.js";
import { isRoot, NOBODY, start } from "./clients.js";

const native = loadNative();
const CLIENTS = 300;
const AT_ONCE = 50;

/** Shells that connect, say which process they are, wait for the answer and end. */
const CLIENT = 'exec 3<>/dev/tcp/$0/$1; echo "$$" >&3; read -r answer <&3';

interface Outcome {
  right: number;
  wrong: number;
  unknown: number;
}

/** Compares who a client says it is with what `name` found out as soon as the connection was there. */
async function ask(host: string, name: (socket: net.Socket) => Promise<number | null>): Promise<Outcome> {
  const outcome: Outcome = { right: 0, wrong: 0, unknown: 0 };
  const server = net.createServer(async (socket) => {
    socket.on("error", () => {});
    const [found, [said]] = await Promise.all([name(socket), once(socket.setEncoding("utf8"), "data")]);
    if (found === null) outcome.unknown++;
    else if (found === Number(said)) outcome.right++;
    else outcome.wrong++;
    socket.end("thanks\n");
  });
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const user = isRoot && host === "::1" ? { uid: NOBODY, gid: NOBODY } : {};
  const shells = `seq ${CLIENTS} | xargs -P ${AT_ONCE} -I{} bash -c '${CLIENT}' ${host} ${port}`;
  await using crowd = start("bash", ["-c", shells], user);
  await once(crowd.process, "exit");
  server.close();
  return outcome;
}

function tupleOf({ remoteAddress, remotePort, localAddress, localPort }: net.Socket) {
  return {
    local: { address: remoteAddress!, port: remotePort! },
    remote: { address: localAddress!, port: localPort! },
  };
}

const failure = native.attachConnectRecorder([]);
native.detachConnectRecorder();

describe.skipIf(native.implementation !== "linux")("short-lived clients, many at once", () => {
  afterEach(() => native.detachConnectRecorder());

  it.skipIf(failure !== null).each(["127.0.0.1", "::1"])("are all named by the record: %s", async (host) => {
    native.attachConnectRecorder([]);
    const outcome = await ask(host, async (socket) => {
      const tuple = tupleOf(socket);
      const record = native.connectRecord(tuple, native.socketOwner(tuple)?.cookie ?? null);
      return record?.path?.endsWith("/bash") ? record.pid : null;
    });
    expect(outcome).toEqual({ right: CLIENTS, wrong: 0, unknown: 0 });
  });

  it.each(["127.0.0.1", "::1"])("are never named wrongly without it: %s", async (host) => {
    const outcome = await ask(host, async (socket) => {
      const owner = native.socketOwner(tupleOf(socket));
      return owner && native.findProcess(owner.inode, { ...owner, candidates: [] }, 2000);
    });
    expect(outcome.wrong).toBe(0);
    expect(outcome.right).toBeGreaterThan(outcome.unknown);
  });
});
