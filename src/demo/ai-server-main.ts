/**
 * The built-in AI server as a process, so that it can run in another network namespace:
 * `node ai-server-main.js '{"host":"::","port":443,"keyFile":"…","certFile":"…"}'`.
 * Prints `{"port":…}` once it listens, then each request that it gets, as JSON lines. Ends with its standard input.
 */
import { readFileSync } from "node:fs";
import { type AiServerOptions, startAiServer } from "./ai-server.js";

/** The one argument. The files are PEM; without them the server speaks plain HTTP. */
export interface AiServerArguments extends Omit<AiServerOptions, "tls" | "log"> {
  readonly keyFile?: string;
  readonly certFile?: string;
}

const { keyFile, certFile, ...options } = JSON.parse(process.argv[2] ?? "{}") as AiServerArguments;
const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const server = await startAiServer({
  ...options,
  ...(keyFile && certFile ? { tls: { key: readFileSync(keyFile), cert: readFileSync(certFile) } } : {}),
  log: print,
});
print({ port: server.port });
process.stdin.on("end", () => void server.close()).resume();
