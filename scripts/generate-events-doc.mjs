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

A file that has 64 MB gets a number, \`traces_YYYY-MM-DD.0001.jsonl\`, and a new one takes its name. An hour after that,
and an hour after the end of its day, a file becomes \`traces_YYYY-MM-DD.NNNN.jsonl.br\`: Brotli, of which an agent's
calls, each of which repeats the dialogue so far, take less than a hundredth. Until then it is plain, for what follows
it. \`oximy events --json\` prints the lines of all of them as they were written, and \`brotli -dc\` those of one.
\`--keep-days\` and \`--keep-size\` say what is removed.

Every line is written whole, when its exchange has ended. After a crash the last line can be torn; it is closed before
the next event, so that only that line does not parse.

## What is never written

- Headers of requests and responses.
- Values of a query: \`?key=…\` becomes \`?key=REDACTED\`.
- Credentials in bodies, paths and names. They are told by their looks (keys of providers, JWTs, private keys, AWS's
  secret keys), by the name of their field, variable, header, flag or element (\`DB_PASSWORD=\`, \`"api_key":\`,
  \`--token\`), and by what stands around them (\`Authorization:\` with any scheme, passwords in URLs and data source
  names, \`curl -u\`, netrc): also escaped, in numbered lines or a diff, broken over lines, or in base64 that is text.
  Of 20 characters or more the first eight stay, then \`…REDACTED\`; of less, nothing stays. When a credential is
  spread over the chunks of a stream, or spelled out by log probabilities, \`_raw\` is left out and
  \`metadata.raw_withheld\` says so.

What has no such mark is not told from ordinary text: a password within a sentence, a hexadecimal key or a UUID
without a name.

## Conversations

\`conversation\` says which calls belong together. A program or provider that names its conversations is believed, within
one user. These fields are read for it, and no others; of what stands in them only the id is kept (letters, digits and
\`. _ : @ / -\`, 128 at most):

- headers \`x-claude-code-session-id\`, \`x-claude-code-agent-id\`, \`x-claude-code-parent-agent-id\` (Claude Code);
  \`session_id\`, \`session-id\`, \`conversation_id\`, \`thread-id\`, \`x-codex-parent-thread-id\`, \`x-openai-subagent\`
  (Codex); \`x-opencode-session\`, \`x-session-affinity\`, \`x-parent-session-id\` (opencode); \`x-qwen-code-session-id\`,
  \`x-session-id\`, \`x-litellm-session-id\`, \`helicone-session-id\`; those whose names say nothing of whom they are only
  when they hold a UUID or \`ses_…\`;
- members of the request \`metadata.user_id\` (the session in it), \`conversation\`, \`conversation.id\`,
  \`conversation_id\`, \`session_id\`, \`request.session_id\`, \`chat_session_id\`, \`thread_id\`, \`previous_response_id\`,
  \`previous_interaction_id\`, and \`prompt_cache_key\` when it is a UUID: others use one key for all that they ask;
- members of the answer \`conversation_id\`, \`conversation.id\`, \`response.conversation.id\`, \`response.id\`,
  \`interaction.id\`, \`id\`; paths with \`/threads/ID/runs\`, \`/chat_conversations/ID/completion\`,
  \`/conversations/ID/responses\`.

Without such an id a call goes on from the one of the same process whose dialogue, with its answer, it repeats, or whose
answer, when the dialogue was made short, its first message quotes; also from one of an earlier process of the same
program, user and folder, where that can be one conversation only. An agent hangs under the call that started it when
its first message holds the prompt of that call's tool. \`oximy sessions\` lists conversations, \`oximy show ID\` prints
one, \`oximy diff ID ID\` tells what two of its requests differ in.

## What the numbers mean

Each number of \`usage\` means the same for every provider, what OpenTelemetry's conventions for GenAI say of it:
\`input_tokens\` has everything that was read from a cache or written to one, \`output_tokens\` has all reasoning;
\`cache_read_tokens\` and \`cache_creation_tokens\` are parts of the first, \`reasoning_tokens\` is a part of the second.
Providers count otherwise (in parentheses what is added):

| provider | input | output |
|---|---|---|
| OpenAI and what speaks its formats | \`prompt_tokens\` / \`input_tokens\`, with the cache | \`completion_tokens\` / \`output_tokens\`, with reasoning |
| Anthropic, also on Vertex and by Bedrock's InvokeModel | \`input_tokens\` (+ \`cache_read_input_tokens\` + \`cache_creation_input_tokens\`) | \`output_tokens\`, with thinking |
| Amazon Bedrock, Converse | \`inputTokens\` (+ \`cacheReadInputTokens\` + \`cacheWriteInputTokens\`) | \`outputTokens\` |
| Google | \`promptTokenCount\`, with the cache (+ \`toolUsePromptTokenCount\`) | \`candidatesTokenCount\` (+ \`thoughtsTokenCount\`) |
| xAI, chat | \`prompt_tokens\`, with the cache | \`completion_tokens\` (+ \`reasoning_tokens\`, when the total says so) |
| Perplexity, deep research | \`prompt_tokens\` | \`completion_tokens\` (+ \`reasoning_tokens\`) |
| llama.cpp without a usage | \`prompt_n\` (+ \`cache_n\`) of \`timings\` | \`predicted_n\` |

In a stream a later count replaces an earlier one; null and zero take nothing away. What the provider does not tell is
absent, never zero. Its own numbers are in \`_raw\`. Calls that only count tokens (\`interaction.type\` is \`token_count\`)
are no use of a model: they have no cost, and \`oximy stats\` leaves their tokens out.

\`interaction.cost_usd\` is an estimate from these numbers at the bundle's list prices, each cached part at its own
(writes that last an hour at twice the input's, as Anthropic asks). It is absent when a model or a price that is needed
is not known; discounts (batches, tiers of service, contracts) and what is not charged by tokens are not in it.
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
