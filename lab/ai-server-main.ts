/**
 * The built-in AI server as a process, so that it can run in another network namespace:
 * `node ai-server-main.js '{"hosts":["::1"],"port":443,"keyFile":"…","certFile":"…"}'`.
 * Prints `{"ports":[…]}` once it listens, then each request it receives, as JSON lines. Ends with its standard input.
 */
import { readFileSync } from "node:fs";
import { type AiServerOptions, startAiServer } from "./ai-server.js";

/** The one argument. The files are PEM; without them the server speaks plain HTTP. */
export interface AiServerArguments extends Omit<AiServerOptions, "host" | "tls" | "log"> {
  /** Addresses to listen on. */
  readonly hosts: readonly string[];
  readonly keyFile?: string;
  readonly certFile?: string;
}

const { hosts, keyFile, certFile, ...options } = JSON.parse(process.argv[2] ?? "{}") as AiServerArguments;
const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const tls = keyFile && certFile ? { tls: { key: readFileSync(keyFile), cert: readFileSync(certFile) } } : {};
const servers = await Promise.all(
  hosts.map((host) => startAiServer({ ...options, ...tls, host, log: print })),
);
print({ ports: servers.map((server) => server.port) });
process.stdin.on("end", () => void Promise.all(servers.map((server) => server.close()))).resume();
