import type { Bundle, Provider } from "../../src/oisp/bundle.js";
import { SDKS } from "../lab/sdk-cases.js";
import type { Transcript } from "./transcripts.js";

const ABILITIES = ["plain", "stream", "tools", "reasoning", "usage", "errors"] as const;

/** Folders of transcripts of what a provider with this `api_format` speaks. */
const FORMATS_OF: { readonly [apiFormat: string]: readonly string[] } = {
  openai: ["openai_chat", "openai_responses"],
  anthropic: ["anthropic_messages"],
  google: ["gemini"],
  bedrock: ["bedrock_converse", "bedrock_invoke"],
  cohere: ["cohere_chat"],
  ollama: ["ollama_chat", "ollama_generate"],
};

/** The transcripts that must be read right for a provider, whichever host it has. */
export function transcriptsFor(
  { apiFormat }: Provider,
  transcripts: readonly Transcript[],
): readonly Transcript[] {
  const formats = FORMATS_OF[apiFormat];
  if (!formats) throw new Error(`No transcripts are named here for the api_format ${apiFormat}.`);
  return transcripts.filter(({ format }) => formats.includes(format));
}

function marks(transcripts: readonly Transcript[]): string {
  const shown = new Set(transcripts.flatMap(({ shows }) => shows));
  return ABILITIES.map((ability) => (shown.has(ability) ? "yes" : "–")).join(" | ");
}

function table(columns: readonly string[], rows: readonly string[]): string {
  return [`| ${columns.join(" | ")} |`, `|${columns.map(() => "---").join("|")}|`, ...rows].join("\n");
}

/** The official SDKs whose callers get, in the lab, what the events of this format say. */
function sdksOf(format: string): string {
  const own = SDKS.filter(({ cases }) => cases.some((transcript) => transcript.format === format));
  return own.map(({ name }) => name).join(", ") || "–";
}

/** docs/providers.md: what the transcripts prove. */
export function providersDoc(transcripts: readonly Transcript[], bundle: Bundle): string {
  const formats = [...new Set(transcripts.map(({ format }) => format))];
  const formatRows = formats.map(
    (format) =>
      `| \`${format}\` | ${marks(transcripts.filter((one) => one.format === format))} | ${sdksOf(format)} |`,
  );
  const providers = [...bundle.providers.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  const providerRows = providers.map(
    (provider) =>
      `| ${provider.name} (\`${provider.id}\`) | ${marks(transcriptsFor(provider, transcripts))} |`,
  );
  return `# Providers

Generated from the tests (\`UPDATE_DOCS=1 npx vitest run test/interaction/providers.test.ts\`). Each "yes" is backed by a
transcript in \`test/interaction/transcripts\` that must yield exactly the expected interaction, with and without the
bundle's parsers, in each content coding, split at every byte. "–" means that no transcript covers it, mostly because
the format does not have it. The official SDKs run in the lab (\`test/lab/sdk.test.ts\`) against servers that replay the
transcripts: the events must match what the SDKs return to their callers.

## Wire formats

The format is recognised by path and body, and otherwise by the bundle's \`api_format\`.

${table(["format", ...ABILITIES, "official SDKs"], formatRows)}

## Checked against the SDKs

\`test/interaction/differential.test.ts\` mutates the streams of the transcripts in ways seen from servers (events swapped,
lost, repeated; texts split; indexes missing; unknown events and fields; null numbers; errors in the middle; NaN; \`data:\`
without space; CRLF; comments; a byte order mark; ids; no empty line at the end) and passes the bytes to the official SDK and
to our reader. Whatever the SDK reads – content, tools, usage, finish – we must read, too. With \`OXIMY_FULL=1\` enough streams
are generated for the SDK to read 2,000 of them, for each of \`openai_chat\`, \`openai_responses\`, \`anthropic_messages\`, \`gemini\` and \`ollama_chat\`; a short form runs with
the other tests. When the SDK throws, we read what there is. We read more when an index is missing, a line contains NaN,
or the last event is not terminated. All other deliberate differences:

| format | what | the SDK | here |
|---|---|---|---|
| \`anthropic_messages\` | a count in the first event that is zero in the last one | zero wins | zero is ignored: gateways fill it in |
| \`anthropic_messages\`, \`openai_responses\` | a last event without closing empty line, or with NaN | not seen: usage and finish of the previous event | read |
| \`gemini\` | a null output count, while the total includes it | left out | counted: the part of the total that is not input |
| \`openai_chat\` | Perplexity's chunks, which repeat the whole answer in addition to their piece | the pieces | the whole answer |
| \`openai_chat\` | tool calls that all have index 0 but different ids (Google, Ollama) | merged | separate calls |
| \`openai_chat\` | pieces of a call without index and id (Moonshot, Workers AI) | throws | continue the previous call |
| \`openai_chat\` | a whole message in the last chunk (MiniMax) | not read | the answer |

## What is not read

- Answers that are fetched later: \`GET /v1/responses/{id}\` of background responses, \`GET /v1beta/interactions/{id}\`, batch
  results. The request that started them has its event; fetching only yields an \`identifiable\` one, since the answer may be
  fetched several times and its tokens must not be counted twice.
- Calls in gRPC, Connect and protobuf with unpublished schema (Cursor): \`structure\` has their messages without names.
  Statuses in gRPC trailers are not read.
- Prices of audio, images, searches and tools; discounts for batches and service tiers.

## Providers of the bundle

Each is tested with the transcripts of the formats it uses. When a provider uses several (MiniMax, OpenRouter, Copilot …),
the path decides.

${table(["provider", ...ABILITIES], providerRows)}
`;
}
