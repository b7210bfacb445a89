/** Real clients and servers of MCP, with `oximy mcp` between them. */

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { runOximy } from "../cli/oximy.js";
import { temporaryFolder } from "../temporary-folder.js";
import { environment, eventsIn, eventsOf, SDK_SERVER, wrapped } from "./wrapped.js";

let home: string;
beforeEach(() => {
  home = temporaryFolder();
});

async function connect(): Promise<Client> {
  const client = new Client({ name: "test-client", version: "0.9" }, { capabilities: { sampling: {} } });
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    model: "test-model",
    role: "assistant",
    content: { type: "text", text: "four" },
  }));
  await client.connect(
    new StdioClientTransport({ ...wrapped(process.execPath, SDK_SERVER), env: environment(home) }),
  );
  onTestFinished(() => client.close());
  return client;
}

test("each call is an event, with who asked, which tool and what was answered", async () => {
  const client = await connect();
  await client.listTools();
  await client.callTool({ name: "echo", arguments: { text: "hello" } });
  await client.callTool({ name: "fail" });
  await expect(client.callTool({ name: "none" })).rejects.toThrow("There is no tool none.");
  await client.readResource({ uri: "test://one" });
  await client.getPrompt({ name: "greet" });
  const events = await eventsOf(home, 7);
  expect(events.map(({ mcp }) => mcp!.method)).toEqual([
    "initialize",
    "tools/list",
    "tools/call",
    "tools/call",
    "tools/call",
    "resources/read",
    "prompts/get",
  ]);
  const [, , echo, fail, none, resource, prompt] = events;
  expect(echo).toMatchObject({
    source: { type: "mcp", id: "test-tools", endpoint: "tools/call" },
    trace_level: "full",
    client: { pid: process.pid },
    mcp: {
      transport: "stdio",
      server: { name: "test-tools", version: "3.1.4" },
      client: { name: "test-client", version: "0.9" },
      from: "client",
      tool: "echo",
    },
    interaction: {
      type: "mcp",
      request: { params: { arguments: { text: "hello" } } },
      response: { result: { content: [{ type: "text", text: "hello" }] } },
    },
  });
  expect(echo!.mcp!.is_error).toBeUndefined();
  expect(fail).toMatchObject({ mcp: { tool: "fail", is_error: true } });
  expect(none).toMatchObject({
    mcp: { tool: "none", is_error: true },
    interaction: { response: { error: { code: "-32603", message: "There is no tool none." } } },
  });
  expect(resource!.mcp!.resource).toBe("test://one");
  expect(prompt!.mcp!.prompt).toBe("greet");
});

test("what a server asks of its client is recorded, too", async () => {
  const client = await connect();
  await client.callTool({ name: "ask" });
  expect(await eventsOf(home, 3)).toMatchObject([
    {},
    {
      mcp: { from: "server", method: "sampling/createMessage" },
      interaction: { response: { result: { content: { text: "four" } } } },
    },
    { mcp: { from: "client", tool: "ask" } },
  ]);
});

test("a call that is cancelled says so, and that there was progress", async () => {
  const client = await connect();
  const abort = new AbortController();
  const call = client.callTool({ name: "slow" }, undefined, {
    signal: abort.signal,
    onprogress: () => abort.abort(),
  });
  await expect(call).rejects.toThrow();
  const [, cancelled] = await eventsOf(home, 2);
  expect(cancelled).toMatchObject({ mcp: { tool: "slow", progress: 1 }, metadata: { error: "cancelled" } });
});

test("credentials are cut out, and pictures are references", async () => {
  const client = await connect();
  const secret = `sk-proj-${"a1B2c3D4".repeat(6)}`;
  await client.callTool({ name: "echo", arguments: { text: secret, password: "correct-horse-battery" } });
  await client.callTool({ name: "picture" });
  const [, echo, picture] = await eventsOf(home, 3);
  expect(JSON.stringify(echo)).not.toContain(secret.slice(0, 20));
  expect(JSON.stringify(echo)).not.toContain("horse");
  expect(echo!.findings).toEqual([
    { rule: "credential", where: "request" },
    { rule: "credential", where: "response" },
  ]);
  expect(picture!.interaction!.response!.result).toMatchObject({
    content: [{ type: "image", media_type: "image/png", size: 5 }],
  });
});

test("the commands that look at events tell of calls in a line each", async () => {
  const client = await connect();
  await client.callTool({ name: "fail" });
  const [, fail] = await eventsOf(home, 2);
  const env = { OXIMY_HOME: home };
  const [events, stats, show] = await Promise.all([
    runOximy(["events"], { env }),
    runOximy(["stats", "--by", "model"], { env }),
    runOximy(["show", fail!.event_id], { env }),
  ]);
  expect(events.stdout).toMatch(/test-tools\/fail +\d+ ms +error/);
  expect(stats.stdout).toMatch(/test-tools\/fail +1 +1 +1 /);
  expect(show.stdout).toMatch(/MCP {2}test-tools\/fail[\s\S]*▸ fail[\s\S]*! It did not work\./);
});

test("switched off, it passes on and writes nothing", async () => {
  const client = new Client({ name: "test-client", version: "0.9" });
  const env = environment(home, { OXIMY_ENABLED: "false" });
  await client.connect(new StdioClientTransport({ ...wrapped(process.execPath, SDK_SERVER), env }));
  await client.listTools();
  await client.close();
  expect(eventsIn(home)).toEqual([]);
});
