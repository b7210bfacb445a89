import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import type { SocketTuple } from "../../src/connection/client.js";

/** Accepts connections and tells, for each, how the client sees it. */
export interface Acceptor extends AsyncDisposable {
  readonly port: number;
  /** The next connection that nobody asked for yet. */
  accepted(): Promise<{ tuple: SocketTuple; socket: net.Socket }>;
}

export async function listenOn(host: string): Promise<Acceptor> {
  const waiting: net.Socket[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // clients that are killed reset their connection
    waiting.push(socket);
    server.emit("accepted");
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    async accepted() {
      while (waiting.length === 0) await once(server, "accepted");
      const socket = waiting.shift()!;
      return { tuple: clientView(socket), socket };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function clientView(socket: net.Socket): SocketTuple {
  const plain = (address: string | undefined) => address!.replace(/^::ffff:/, "");
  return {
    local: { address: plain(socket.remoteAddress), port: socket.remotePort! },
    remote: { address: plain(socket.localAddress), port: socket.localPort! },
  };
}

/** A process of the test, killed with it. */
export interface Started extends AsyncDisposable {
  readonly pid: number;
  readonly process: ChildProcess;
  /** The next line that it prints. */
  line(): Promise<string>;
}

export function start(
  command: string,
  args: readonly string[],
  options: { uid?: number; gid?: number; env?: NodeJS.ProcessEnv } = {},
): Started {
  const child = spawn(command, args, { ...options, stdio: ["pipe", "pipe", "inherit"] });
  const lines: string[] = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
    child.emit("line");
  });
  return {
    pid: child.pid!,
    process: child,
    async line() {
      while (lines.length === 0) await once(child, "line");
      return lines.shift()!;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

/** A Node process that connects once and stays connected. */
export function startClient(
  host: string,
  port: number,
  options: { uid?: number; gid?: number } = {},
): Started {
  return start(
    process.execPath,
    ["-e", `require("net").connect(${port}, "${host}").on("error", () => {})`],
    options,
  );
}

export const isRoot = process.getuid?.() === 0;
/** A user that owns nothing. */
export const NOBODY = 65534;
