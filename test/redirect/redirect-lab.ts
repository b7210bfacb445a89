import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { ExecOptions, LabProcess } from "../../lab/lab-process.js";
import type { LabNamespace } from "../../lab/namespace.js";

export const SCRIPT = fileURLToPath(new URL("../../scripts/redirect-linux.sh", import.meta.url));
export const GID = 4242;
export const PORT = 15001;
export const OPTIONS = ["--port", `${PORT}`, "--gid", `${GID}`, "--ports", "443,80"];
export const INTERNET = [
  ["IPv4", "203.0.113.2"],
  ["IPv6", "2001:db8:113::2"],
] as const;

/** Listens on each `ADDRESS PORT`, greets with its first argument and the peer's address, and sends back what it gets. */
const GREETER = `
const [greeting, ...where] = process.argv.slice(1);
const greet = (socket) => {
  socket.on("error", () => {});
  socket.write(greeting + " " + socket.remoteAddress + "\\n");
  socket.pipe(socket);
};
let left = where.length / 2;
for (let i = 0; i < where.length; i += 2)
  require("net").createServer(greet).listen(where[i + 1], where[i], () => --left || console.log("listening"));`;

/** Connects standard input and output with `ADDRESS PORT`, after the Python statements of its third argument about \`s\`. */
const CLIENT = `
import socket, sys, threading
host, port, prepare = sys.argv[1:4]
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
exec(prepare)
s.settimeout(8)
try:
  s.connect((host, int(port)))
except OSError as error:
  print(type(error).__name__, flush=True)
  sys.exit()
s.settimeout(None)
def receive():
  try:
    while data := s.recv(65536):
      sys.stdout.write(data.decode())
      sys.stdout.flush()
    print("END", flush=True)
  except OSError as error:
    print(type(error).__name__, flush=True)
threading.Thread(target=receive, daemon=True).start()
for line in sys.stdin:
  s.sendall(line.encode())
`;

export interface OpenConnection {
  readonly client: LabProcess;
  /** Who greeted: `listener`, `internet`, …, or the name of an error. */
  readonly arrived: string;
  /** The address that was greeted: that of the client, as the server sees it. */
  readonly seenAs: string | undefined;
}

/** A lab with a listener in the place of Oximy's, the script, and clients that can prepare their sockets. */
export class RedirectLab {
  private constructor(readonly lab: Lab) {}

  static async create(): Promise<RedirectLab> {
    const redirect = new RedirectLab(await createLab());
    await redirect.serve(redirect.machine, "listener", "127.0.0.1", PORT, "::1", PORT);
    const everywhere = INTERNET.flatMap(([, host]) => [host, 443, host, 22]);
    await redirect.serve(redirect.lab.internet, "internet", ...everywhere);
    return redirect;
  }

  get machine(): LabNamespace {
    return this.lab.machine;
  }

  async serve(where: LabNamespace, greeting: string, ...at: (string | number)[]): Promise<LabProcess> {
    const server = where.spawn("node", ["-e", GREETER, greeting, ...at.map(String)]);
    await server.printed(/listening/);
    return server;
  }

  script(args: readonly string[], options?: ExecOptions) {
    return this.machine.exec(SCRIPT, args, options);
  }

  async status(): Promise<string> {
    return (await this.script(["status"])).stdout.trim();
  }

  async ruleset(): Promise<string> {
    return (await this.machine.exec("nft", ["list", "ruleset"])).stdout;
  }

  async hold(...options: string[]): Promise<LabProcess> {
    const holder = this.machine.spawn(SCRIPT, ["hold", ...OPTIONS, ...options]);
    await holder.printed(/^ready\n/);
    return holder;
  }

  async release(holder: LabProcess): Promise<void> {
    holder.child.stdin.end();
    expect(await holder.exited).toMatchObject({ code: 0 });
  }

  async connect(host: string, port: number, prepare = "", gid?: number): Promise<OpenConnection> {
    const as = gid === undefined ? {} : { uid: 0, gid };
    const client = this.machine.spawn("python3", ["-c", CLIENT, host, String(port), prepare], as);
    const [line] = await client.printed(/^.+\n/);
    const [arrived = "", seenAs] = line.trim().split(" ");
    return { client, arrived, seenAs };
  }

  /** Who answers there; the connection is closed again. */
  async whoAnswers(host: string, port: number, prepare = "", gid?: number): Promise<string> {
    const { client, arrived } = await this.connect(host, port, prepare, gid);
    await client.stop();
    return arrived;
  }

  /** Fails unless a line comes back on an open connection. */
  async goesOn({ client }: OpenConnection, line: string): Promise<void> {
    client.child.stdin.write(`${line}\n`);
    await client.printed(new RegExp(`^${line}$`, "m"));
  }
}
