/** Streamable HTTP between the official client and server, through `oximy proxy --mcp-host`. */

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { expect, onTestFinished, test } from "vitest";
import { startOximy } from "../cli/oximy.js";
import { temporaryFolder } from "../temporary-folder.js";
import { testServer } from "./sdk-server.mjs";
import { eventsIn, eventsOf } from "./wrapped.js";

/** The port of a server of MCP on loopback. */
async function startServer(answers: "json" | "stream"): Promise<number> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const http = createServer(async (asked, response) => {
    const id = asked.headers["mcp-session-id"];
    let transport = sessions.get(String(id));
    if (transport === undefined) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        enableJsonResponse: answers === "json",
        onsessioninitialized: (session) => void sessions.set(session, transport!),
      });
      await testServer().connect(transport as Parameters<ReturnType<typeof testServer>["connect"]>[0]);
    }
    await transport.handleRequest(asked, response);
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return (http.address() as AddressInfo).port;
}

async function startProxy(home: string, ...flags: string[]): Promise<number> {
  const proxy = startOximy(["proxy", "--port", "0", ...flags], {
    OXIMY_HOME: home,
    // Not asked for from where it is published: no test needs the internet.
    OXIMY_BUNDLE_FILE: fileURLToPath(new URL("../../data/oisp-bundle.json", import.meta.url)),
    OXIMY_SUPPLEMENT: "true",
  });
  let printed = "";
  for await (const chunk of proxy.stderr as AsyncIterable<Buffer>) {
    printed += chunk;
    const port = /Proxy on http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(printed);
}

/** As fetch, by way of a proxy. */
const through =
  (proxyPort: number) =>
  async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const headers = Object.fromEntries(new Headers(init.headers));
    const asked = request({
      host: "127.0.0.1",
      port: proxyPort,
      path: String(url),
      method: init.method ?? "GET",
      headers: { ...headers, host: new URL(url).host },
      ...(init.signal && { signal: init.signal }),
    });
    asked.end(init.body as string | undefined);
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    answer.on("error", () => {}); // aborted with the client
    const status = answer.statusCode!;
    const body = [202, 204].includes(status) ? null : (Readable.toWeb(answer) as ReadableStream);
    return new Response(body, { status, headers: answer.headers as Record<string, string> });
  };

async function connect(proxyPort: number, serverPort: number): Promise<Client> {
  const client = new Client({ name: "test-client", version: "0.9" }, { capabilities: { sampling: {} } });
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    model: "test-model",
    role: "assistant",
    content: { type: "text", text: "four" },
  }));
  const url = new URL(`http://127.0.0.1:${serverPort}/mcp?key=secret-of-mine`);
  const transport = new StreamableHTTPClientTransport(url, { fetch: through(proxyPort) });
  await client.connect(transport as Parameters<Client["connect"]>[0]);
  onTestFinished(() => client.close());
  return client;
}

test.each(["json", "stream"] as const)(
  "calls are recorded whose answers are %s",
  { timeout: 90_000 },
  async (answers) => {
    const home = temporaryFolder();
    const serverPort = await startServer(answers);
    const proxyPort = await startProxy(home, "--mcp-host", `localhost:${serverPort}`);
    const client = await connect(proxyPort, serverPort);
    await client.callTool({ name: "echo", arguments: { text: "hello" } });
    await client.callTool({ name: "fail" });
    const [hello, echo, fail] = await eventsOf(home, 3);
    expect(hello).toMatchObject({ mcp: { method: "initialize", transport: "http" } });
    expect(echo).toMatchObject({
      source: { type: "mcp", id: "test-tools", endpoint: "tools/call" },
      client: { pid: process.pid },
      mcp: {
        transport: "http",
        server: { name: "test-tools", version: "3.1.4" },
        client: { name: "test-client", version: "0.9" },
        tool: "echo",
      },
      interaction: {
        request: { params: { arguments: { text: "hello" } } },
        response: { result: { content: [{ text: "hello" }] } },
      },
      metadata: {
        request_method: "POST",
        request_host: `127.0.0.1:${serverPort}`,
        request_path: "/mcp?key=REDACTED",
        response_status: 200,
        via: "plain",
      },
    });
    expect(fail).toMatchObject({ mcp: { tool: "fail", is_error: true } });
    expect(eventsIn(home)).toHaveLength(3);
  },
);

test("what a server asks in the stream that is open for it is recorded while that stays open", {
  timeout: 90_000,
}, async () => {
  const home = temporaryFolder();
  const serverPort = await startServer("stream");
  const proxyPort = await startProxy(home, "--mcp-host", `127.0.0.1:${serverPort}`);
  const client = await connect(proxyPort, serverPort);
  await client.callTool({ name: "ask" });
  const events = await eventsOf(home, 3);
  expect(events.map(({ mcp }) => mcp!.method).sort()).toEqual([
    "initialize",
    "sampling/createMessage",
    "tools/call",
  ]);
  expect(events.find(({ mcp }) => mcp!.from === "server")).toMatchObject({
    source: { id: "test-tools" },
    interaction: { response: { result: { content: { text: "four" } } } },
  });
});

test("of a host that nobody named nothing is written", { timeout: 90_000 }, async () => {
  const home = temporaryFolder();
  const [named, other] = await Promise.all([startServer("json"), startServer("json")]);
  const proxyPort = await startProxy(home, "--mcp-host", `localhost:${named}`);
  const client = await connect(proxyPort, other);
  await client.listTools();
  // It is named: once this is written, the other would have been.
  await (await connect(proxyPort, named)).listTools();
  const events = await eventsOf(home, 2);
  expect(events.map(({ metadata }) => metadata.request_host)).toEqual([
    `127.0.0.1:${named}`,
    `127.0.0.1:${named}`,
  ]);
});
