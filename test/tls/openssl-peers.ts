import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Direction } from "../../src/connection/direction.js";
import { temporaryFolder } from "../temporary-folder.js";
import { keyPair } from "./certificates.js";
import { parseKeyLog, type Recorded, type Recorder, startRecorder } from "./recording.js";
import { Tool } from "./tool.js";

/** A session between `openssl s_client` and `openssl s_server`, under way. */
export interface OpensslSession {
  /** Sends text, and waits until the other side printed it. */
  say(direction: Direction, text: string): Promise<void>;
  /** Types one of the tools' commands, such as K for a key update, and waits until it is carried out. */
  command(direction: Direction, command: string): Promise<void>;
  /** Waits until the client, or the server, printed this. */
  sees(by: "client" | "server", pattern: RegExp): Promise<void>;
  /** Data that was sent in other ways, such as early data. */
  sent(direction: Direction, text: string): void;
  /** The client ends the session. */
  finish(): Promise<Recorded>;
}

export interface OpensslServer {
  connect(clientArgs: readonly string[]): Promise<OpensslSession>;
  stop(): Promise<void>;
}

export async function startOpensslServer(serverArgs: readonly string[]): Promise<OpensslServer> {
  const { certFile, keyFile } = keyPair("rsa");
  const files = ["-cert", certFile, "-key", keyFile];
  const server = openssl(["s_server", "-accept", "127.0.0.1:0", ...files, ...serverArgs]);
  const [, port] = await server.says(/ACCEPT \S+:(\d+)/);
  const recorder = await startRecorder(Number(port));
  let connections = 0;
  return {
    async connect(clientArgs) {
      return startSession(server, recorder, connections++, clientArgs);
    },
    async stop() {
      await server.stop();
      await recorder.close();
    },
  };
}

/** What it prints comes line by line, though it is no terminal that it prints to. */
function openssl(args: readonly string[]): Tool {
  return new Tool("stdbuf", ["-oL", "openssl", ...args]);
}

async function startSession(
  server: Tool,
  recorder: Recorder,
  at: number,
  clientArgs: readonly string[],
): Promise<OpensslSession> {
  const keyLog = join(temporaryFolder(), "keys");
  const to = `127.0.0.1:${recorder.port}`;
  const client = openssl(["s_client", "-connect", to, "-keylogfile", keyLog, ...clientArgs]);
  const tools = { request: client, response: server };
  const data = { request: "", response: "" };
  return {
    async say(direction, text) {
      data[direction] += `${text}\n`;
      tools[direction].type(`${text}\n`);
      await tools[direction === "request" ? "response" : "request"].says(new RegExp(text));
    },
    async command(direction, command) {
      tools[direction].type(`${command}\n`);
      await tools[direction].says(/KEYUPDATE|RENEGOTIATING|SSL_do_handshake -> 1/);
    },
    async sees(by, pattern) {
      await (by === "client" ? client : server).says(pattern);
    },
    sent(direction, text) {
      data[direction] += text;
    },
    async finish() {
      client.type("Q\n");
      await client.ended();
      const secrets = existsSync(keyLog) ? parseKeyLog(readFileSync(keyLog, "latin1")) : [];
      return { steps: await recorder.stepsOf(at), secrets, data };
    },
  };
}
