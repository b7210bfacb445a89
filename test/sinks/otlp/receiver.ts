import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { onTestFinished } from "vitest";
import type { Signal } from "../../../src/user/otlp-settings.js";
import { decode, type Item } from "./protocol.js";

export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
}

/** A collector on loopback. What it answers with 200 it has received. */
export class Receiver {
  readonly received: Record<Signal, Item[]> = { traces: [], logs: [], metrics: [] };
  readonly requests: Array<{ signal: Signal; status: number; headers: IncomingMessage["headers"] }> = [];
  /** What the next requests are answered, before all is well; `silent` is no answer at all. */
  answers: Array<Answer | "silent"> = [];
  /** What is answered depends on the request. */
  judge: (signal: Signal, items: readonly Item[]) => number = () => 200;
  private readonly changed = new EventEmitter();
  private server = createServer((request, response) => void this.take(request, response));
  port = 0;

  static async open(port = 0): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.server.listen(port, "127.0.0.1");
    await once(receiver.server, "listening");
    receiver.port = (receiver.server.address() as AddressInfo).port;
    onTestFinished(() => receiver.close());
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** Resolves when what was received, or asked, is so. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await once(this.changed, "request");
  }

  ids(): unknown[] {
    return this.received.traces.map(({ attributes }) => attributes["oximy.event.id"]);
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const signal = request.url!.split("/").at(-1) as Signal;
    const body = Buffer.concat(chunks);
    const items = decode(signal, request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body);
    const answer = this.answers.shift() ?? { status: this.judge(signal, items) };
    const status = answer === "silent" ? 0 : answer.status;
    if (status === 200) this.received[signal].push(...items);
    this.requests.push({ signal, status, headers: request.headers });
    if (answer !== "silent") response.writeHead(answer.status, answer.headers).end();
    this.changed.emit("request");
  }
}
