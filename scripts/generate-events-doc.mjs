#!/usr/bin/env node
/** Writes docs/events.md from schema/event.schema.json: `node scripts/generate-events-doc.mjs`. */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SCHEMA = new URL("../schema/event.schema.json", import.meta.url);
const DOCUMENT = new URL("../docs/events.md", import.meta.url);

const PREFACE = `# Events

<!-- Generated from schema/event.schema.json by scripts/generate-events-doc.mjs. -->

Oximy writes one event per line to \`~/.oximy/traces/traces_YYYY-MM-DD.jsonl\`: one for each exchange with a known
AI host, and one for each connection to such a host that was passed through. The date in the name is the local date
of writing; times in the event are UTC. The published schema is \`schema/event.schema.json\`, in the package as
\`oximy/schema/event.schema.json\`.

\`\`\`sh
cat ~/.oximy/traces/traces_$(date +%Y-%m-%d).jsonl | jq .
\`\`\`

A file that reaches 64 MB is renamed to \`traces_YYYY-MM-DD.0001.jsonl\`, and a new one is started. An hour after that,
and an hour after the end of its day, a file is compressed with Brotli to \`traces_YYYY-MM-DD.NNNN.jsonl.br\`. This
reduces an agent's calls, each of which repeats the conversation so far, to less than a hundredth. Until then it is
plain text, for programs that follow it. \`oximy events --json\` prints the lines of all files as they were written, and
\`brotli -dc\` those of one. \`--keep-days\` and \`--keep-size\` set when files are removed.

Each line is written in one piece when its exchange has ended. After a crash the last line can be incomplete; it is
terminated before the next event, so that only that line cannot be parsed.

## What is never written

- Headers of requests and responses.
- Values of a query: \`?key=…\` becomes \`?key=REDACTED\`.
- Credentials in bodies, paths and names. They are recognised by their form (provider keys, JWTs, private keys, AWS
  secret keys), by the name of their field, variable, header, flag or element (\`DB_PASSWORD=\`, \`"api_key":\`,
  \`--token\`), and by their context (\`Authorization:\` with any scheme, passwords in URLs and data source names,
  \`curl -u\`, netrc): also when escaped, in numbered lines or a diff, broken over lines, or in base64-encoded text.
  Of 20 characters or more the first eight are kept, followed by \`…REDACTED\`; of less, nothing is kept. When a
  credential is spread over the chunks of a stream, or spelled out by log probabilities, \`_raw\` is left out and
  \`metadata.raw_withheld\` is set.

Without such a mark a credential cannot be distinguished from ordinary text: a password in a sentence, or an unnamed
hexadecimal key or UUID.

## Conversations

\`conversation\` groups calls that belong together. Conversation ids from programs and providers are used within one
user. Only these fields are read for it, and only the id in them is kept (letters, digits and \`. _ : @ / -\`, at most
128):

- headers \`x-claude-code-session-id\`, \`x-claude-code-agent-id\`, \`x-claude-code-parent-agent-id\` (Claude Code);
  \`session_id\`, \`session-id\`, \`conversation_id\`, \`thread-id\`, \`x-codex-parent-thread-id\`, \`x-openai-subagent\`
  (Codex); \`x-opencode-session\`, \`x-session-affinity\`, \`x-parent-session-id\` (opencode); \`x-qwen-code-session-id\`,
  \`x-session-id\`, \`x-litellm-session-id\`, \`helicone-session-id\`; those with generic names only if they contain a
  UUID or \`ses_…\`;
- members of the request \`metadata.user_id\` (the session in it), \`conversation\`, \`conversation.id\`,
  \`conversation_id\`, \`session_id\`, \`request.session_id\`, \`chat_session_id\`, \`thread_id\`, \`previous_response_id\`,
  \`previous_interaction_id\`, and \`prompt_cache_key\` if it is a UUID: some programs use one key for all requests;
- members of the response \`conversation_id\`, \`conversation.id\`, \`response.conversation.id\`, \`response.id\`,
  \`interaction.id\`, \`id\`; paths with \`/threads/ID/runs\`, \`/chat_conversations/ID/completion\`,
  \`/conversations/ID/responses\`.

Without such an id a call continues the call of the same process whose messages and answer it repeats, or, after the
program has compacted the conversation, whose answer its first message quotes. It can also continue a call of an earlier
process of the same program, user and folder, if the conversation is unambiguous. An agent is attached to the call that
started it if its first message contains the prompt of that call's tool. \`oximy sessions\` lists conversations,
\`oximy show ID\` prints one, \`oximy diff ID ID\` compares two of its requests.

## What the numbers mean

Each number in \`usage\` has the same meaning for every provider, as defined by OpenTelemetry's GenAI conventions:
\`input_tokens\` includes everything read from or written to a cache, \`output_tokens\` includes all reasoning;
\`cache_read_tokens\` and \`cache_creation_tokens\` are parts of the former, \`reasoning_tokens\` is part of the latter.
Providers count differently (added numbers in parentheses):

| provider | input | output |
|---|---|---|
| OpenAI and compatible APIs | \`prompt_tokens\` / \`input_tokens\`, with the cache | \`completion_tokens\` / \`output_tokens\`, with reasoning |
| Anthropic, also on Vertex and Bedrock's InvokeModel | \`input_tokens\` (+ \`cache_read_input_tokens\` + \`cache_creation_input_tokens\`) | \`output_tokens\`, with thinking |
| Amazon Bedrock, Converse | \`inputTokens\` (+ \`cacheReadInputTokens\` + \`cacheWriteInputTokens\`) | \`outputTokens\` |
| Google | \`promptTokenCount\`, with the cache (+ \`toolUsePromptTokenCount\`) | \`candidatesTokenCount\` (+ \`thoughtsTokenCount\`) |
| xAI, chat | \`prompt_tokens\`, with the cache | \`completion_tokens\` (+ \`reasoning_tokens\`, if the total includes them) |
| Perplexity, deep research | \`prompt_tokens\` | \`completion_tokens\` (+ \`reasoning_tokens\`) |
| llama.cpp without a usage | \`prompt_n\` (+ \`cache_n\`) of \`timings\` | \`predicted_n\` |

In a stream a later count replaces an earlier one; null and zero are ignored. What the provider does not report is
absent, never zero. Its own numbers are in \`_raw\`. Calls that only count tokens (\`interaction.type\` is \`token_count\`)
do not count as use of a model: they have no cost, and \`oximy stats\` excludes their tokens.

\`interaction.cost_usd\` is an estimate from these numbers at the bundle's list prices, each cached part at its own price
(one-hour writes at twice the input price, as charged by Anthropic). It is absent when the model or a required price is
unknown; discounts (batches, service tiers, contracts) and charges not based on tokens are not included.
`;

export function eventsDocument(schema) {
  const sections = [["Event", schema], ...objectsWithin(schema, "")];
  return [PREFACE, ...sections.map(([name, object]) => section(name, object)), reasons(schema)].join("\n");
}

function reasons(schema) {
  const rows = schema.properties.metadata.properties.reason.anyOf.map(
    ({ const: reason, description }) => `| \`${reason}\` | ${description} |`,
  );
  return ["## Reasons", "", "| `metadata.reason` | meaning |", "|---|---|", ...rows, ""].join("\n");
}

/** The objects below, each with its path, in the order of the fields. */
function objectsWithin(schema, path) {
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const here = path === "" ? name : `${path}.${name}`;
    if (property.properties !== undefined)
      return [[`\`${here}\``, property], ...objectsWithin(property, here)];
    if (property.items?.properties === undefined) return [];
    return [[`\`${here}[]\``, property.items], ...objectsWithin(property.items, `${here}[]`)];
  });
}

function section(name, schema) {
  const rows = Object.entries(schema.properties).map(([field, property]) => {
    const presence = schema.required.includes(field) ? "always" : "when known";
    return `| \`${field}\` | ${typeOf(property)} | ${presence} | ${describe(property)} |`;
  });
  return [
    `## ${name}`,
    "",
    ...(schema.description === undefined ? [] : [schema.description, ""]),
    "| field | type | present | meaning |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function typeOf(property) {
  if (property.const !== undefined) return `\`${property.const}\``;
  if (property.type === undefined) return "any";
  if (property.type === "array") return "array";
  return [property.type].flat().join(" or ");
}

function describe(property) {
  if (property.anyOf !== undefined) return `${property.description} One of the [reasons](#reasons) below.`;
  const values = property.enum?.map((value) => `\`${value}\``).join(", ");
  return values === undefined ? property.description : `${property.description} One of ${values}.`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(DOCUMENT, eventsDocument(JSON.parse(readFileSync(SCHEMA, "utf8"))));
}
