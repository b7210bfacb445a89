/**
 * A server that answers agents as their providers do, each request by its path: Anthropic's messages, OpenAI's responses
 * (over HTTP and WebSocket, and compacted), Gemini. A conversation that asks to delegate gets a call of the agent's
 * own tool for that, one that is to fill the model's window is told that it has; all else gets a text. Prints a
 * ModelRequest for each call of a model.
 */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { type WebSocket, WebSocketServer } from "ws";
import type { ServerArguments } from "../../../lab/lab-server.js";
import { isObject, type JsonObject, listOf, objectOf } from "../../../src/interaction/json.js";
import { type Answer, replyOf, responseEvents } from "./model-replies.js";
import { type ModelRequest, subPrompt } from "./model-server.js";

const config = JSON.parse(process.argv[2]!) as ServerArguments;
let count = 0;
const delegated = new Set<string>();
const filled = new Set<string>();
/** Calls of Codex, which does not wait by itself for the agents that it has started. */
const [SPAWNED, WAITED] = ["call_spawned", "call_waited"];

/** Tools by which agents start others, and how each is told what to do. */
const DELEGATING: ReadonlyArray<readonly [tool: RegExp, given: (prompt: string) => JsonObject]> = [
  [/^(?:Task|Agent)$/, (prompt) => ({ description: "Look", prompt, subagent_type: "general-purpose" })],
  [/^task$/, (prompt) => ({ description: "Look", prompt, subagent_type: "general" })],
  [/^spawn_agent$/, (message) => ({ message, task_name: "look", fork_turns: "none" })],
  [/^invoke_agent$/, (prompt) => ({ agent_name: "generalist", prompt })],
  [/^generalist$/, (request) => ({ request })],
];

async function serve(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): Promise<void> {
  const body = await text(request);
  const path = (request.url ?? "").split("?", 1)[0]!;
  const asked = parsed(body);
  const host = String(request.headers.host ?? request.headers[":authority"]);
  const answer = answerTo(asked, body);
  const reply = request.method === "POST" ? replyOf(path, asked, answer, `r${++count}`) : undefined;
  const { status, type, text: sent } = reply ?? { status: 404, type: "application/json", text: "{}" };
  if (reply !== undefined) log(host, path, answer);
  response.statusCode = status;
  response.setHeader("content-type", type);
  (response as ServerResponse).end(sent);
}

/** `response.create` after `response.create`: Codex. What it sends beforehand to have it ready is no call of the model. */
function converse(webSocket: WebSocket, request: IncomingMessage): void {
  webSocket.on("message", (data) => {
    const body = String(data);
    const asked = parsed(body);
    const answer: Answer = asked.generate === false ? {} : answerTo(asked, body);
    for (const event of responseEvents(asked, answer, `r${++count}`)) webSocket.send(JSON.stringify(event));
    log(String(request.headers.host), request.url ?? "", answer);
  });
}

function log(host: string, path: string, { call, text: said = "" }: Answer): void {
  const received: ModelRequest = { host, path, answer: call ? `call of ${call.name}` : said };
  process.stdout.write(`${JSON.stringify(received)}\n`);
}

/** Each user's work is delegated once, so that nobody goes round in circles. */
function answerTo(asked: JsonObject, body: string): Answer {
  const tools = toolsOf(asked);
  const word = /DELEGATE (\w+)/.exec(body)?.[1];
  const found = DELEGATING.find(([tool]) => tools.some((name) => tool.test(name)));
  if (word !== undefined && found !== undefined && !delegated.has(word)) {
    delegated.add(word);
    const [tool, given] = found;
    const name = tools.find((candidate) => tool.test(candidate))!;
    const id = name === "spawn_agent" ? SPAWNED : `call_${count}`;
    return { call: { id, name, given: given(subPrompt(word)) } };
  }
  const items = listOf(asked.input).map(objectOf);
  if (items.at(-1)?.type === "compaction_trigger") return { compacted: true };
  if (items.at(-1)?.call_id === SPAWNED) {
    return { call: { id: WAITED, name: "wait_agent", given: { timeout_ms: 30_000 } } };
  }
  const full = /FILL (\w+)/.exec(body)?.[1];
  // Who makes a conversation short, or finds a name for it, has no tools.
  if (full !== undefined && tools.length > 0 && !filled.has(full)) {
    filled.add(full);
    // Gemini CLI looks how full it is before it tells what a tool has given.
    if (tools.includes("list_directory")) {
      const call = { id: `call_${count}`, name: "list_directory", given: { dir_path: "." } };
      return { call, isNearLimit: true };
    }
    return { text: textOf(count), isNearLimit: true };
  }
  return { text: textOf(count) };
}

/** Long enough to be a summary, and never twice the same. */
const textOf = (count: number) =>
  `Answer ${count}. ${"What was found is told here in so many words. ".repeat(6)}`;

function toolsOf(asked: JsonObject): string[] {
  const added = listOf(asked.input).flatMap((item) => listOf(objectOf(item).tools));
  return [...listOf(asked.tools), ...added].flatMap((tool) => {
    const { name, function: inner, functionDeclarations, tools } = objectOf(tool);
    const within = [...listOf(functionDeclarations), ...listOf(tools)].map((one) => objectOf(one).name);
    return [name, objectOf(inner).name, ...within].filter((one) => typeof one === "string");
  });
}

function parsed(body: string): JsonObject {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : {};
  } catch {
    return {}; // a page or a form
  }
}

const webSockets = new WebSocketServer({ noServer: true });
for (const host of config.hosts) {
  const server = createSecureServer(
    { allowHTTP1: true, key: readFileSync(config.keyFile!), cert: readFileSync(config.certFile!) },
    (request, response) => {
      // A client that goes away in the middle is no failure of the server.
      serve(request, response).catch(() => response.destroy());
    },
  );
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    webSockets.handleUpgrade(request, socket, head, (webSocket) => converse(webSocket, request)),
  );
  await new Promise<void>((resolve) => server.listen(config.port, host, resolve));
}
process.stdout.write(`${JSON.stringify({ ports: config.hosts.map(() => config.port) })}\n`);
