import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import type { EventStreamListener, Exchange, Fields } from "../../src/exchange/exchange.js";
import { createHttp1Reader } from "../../src/exchange/http1.js";
import { createReport, LIMITS, play } from "./recording.js";
import { listen, type Relay, startRelay } from "./relayed.js";

/** What is told of the streams of events in it while they live. */
function follow(report: Relay["report"]): string[] {
  const told: string[] = [];
  Object.assign(report.handlers, {
    onEventStream(fields: Fields, soFar: (time: number) => Exchange): EventStreamListener {
      return {
        push: (bytes, time) => {
          const { request, response } = soFar(time);
          expect(fields).toEqual(response?.fields);
          told.push(`${request.path} ${response?.status} ${Buffer.from(bytes)}`);
        },
        end: ({ request }) => told.push(`${request.path} ends`),
      };
    },
  });
  return told;
}

const STREAM = { "content-type": "text/event-stream; charset=utf-8" };

test.each([
  [
    "HTTP/1.1",
    async (port: number, asked: string) => (await once(http.get({ port, path: asked }), "response"))[0],
  ],
  [
    "HTTP/2",
    async (port: number, asked: string) => {
      const client = http2.connect(`http://127.0.0.1:${port}`);
      const stream = client.request({ ":path": asked });
      stream.once("close", () => client.close());
      await once(stream, "response");
      return stream;
    },
  ],
] as const)("the bytes of a stream of events over %s are told while it lives", async (protocol, ask) => {
  let say: (text: string | undefined) => void = () => {};
  const serve = (_: unknown, response: http.ServerResponse | http2.Http2ServerResponse) => {
    const open = response as http.ServerResponse;
    open.writeHead(200, STREAM);
    say = (piece) => void (piece === undefined ? open.end() : open.write(piece));
    say("data: 1\n\n");
  };
  const server = protocol === "HTTP/2" ? http2.createServer(serve) : http.createServer(serve);
  const relay = await startRelay(await listen(server));
  const told = follow(relay.report);
  const answer = (await ask(relay.port, "/events")) as NodeJS.ReadableStream;
  await once(answer, "data");
  expect(told).toEqual(["/events 200 data: 1\n\n"]);
  say("data: 2\n\n");
  await once(answer, "data");
  expect(told.at(-1)).toBe("/events 200 data: 2\n\n");
  expect(relay.report.exchanges).toEqual([]);
  say(undefined);
  await text(answer as AsyncIterable<Buffer> & NodeJS.ReadableStream);
  server.close();
  await relay.close();
  expect(told.at(-1)).toBe("/events ends");
  expect(relay.report.exchanges[0]?.response?.body.head.toString()).toBe("data: 1\n\ndata: 2\n\n");
});

test.each([
  ["Content-Type: application/json", 0],
  ["Content-Type: text/event-streams", 0],
  ["Content-Type: text/event-stream\r\nContent-Encoding: gzip", 1],
  ["Content-Type: Text/Event-Stream ;charset=utf-8\r\nContent-Encoding: identity", 1],
])("an answer with %s is told %i times", (fields, times) => {
  const report = createReport();
  const told = follow(report);
  const reader = createHttp1Reader({ scheme: "https", limits: LIMITS }, report.handlers);
  play(reader, [
    ["request", "GET / HTTP/1.1\r\n\r\n"],
    ["response", `HTTP/1.1 200 OK\r\n${fields}\r\nContent-Length: 9\r\n\r\ndata: 1\n\n`],
  ]);
  expect(told).toEqual(times === 0 ? [] : ["/ 200 data: 1\n\n", "/ ends"]);
  expect(report.exchanges).toHaveLength(1);
});
