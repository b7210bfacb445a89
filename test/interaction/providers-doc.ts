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

Generated from the tests (\`UPDATE_DOCS=1 npx vitest run test/interaction/providers.test.ts\`). A "yes" is proved by a
transcript in \`test/interaction/transcripts\` that must give exactly the interaction written beside it, with and without
the bundle's parsers, in each content coding, cut at every byte. "–" means that no transcript shows it, mostly because
the format has no such thing. The official SDKs run in the lab (\`test/lab/sdk.test.ts\`) against servers that answer from
the transcripts: what they return to their callers is what the events say.

## Wire formats

The format is recognised by path and body first, by the bundle's \`api_format\` otherwise.

${table(["format", ...ABILITIES, "official SDKs"], formatRows)}

## Checked against the SDKs

\`test/interaction/differential.test.ts\` changes the streams of the transcripts as servers do (events swapped, lost, repeated;
texts split; indexes missing; unknown events and fields; numbers that are null; errors in the middle; NaN; \`data:\` without
space; CRLF; comments; a byte order mark; ids; no empty line at the end) and gives the bytes to the official SDK and to our
reader. What the SDK reads – content, tools, usage, finish – we must read too. With \`OXIMY_FULL=1\` so many streams are made
that the SDK reads 2,000 of them, for each of \`openai_chat\`, \`openai_responses\`, \`anthropic_messages\`, \`gemini\` and \`ollama_chat\`; a short form runs with
the other tests. Where the SDK throws, we read what there is. We read more where an index is missing, where a line holds NaN,
and where the last event is not closed. Otherwise we differ on purpose in these places only:

| format | what | the SDK | here |
|---|---|---|---|
| \`anthropic_messages\` | a count of the first event that the last one gives as zero | zero wins | zero takes nothing away: gateways fill it in |
| \`anthropic_messages\`, \`openai_responses\` | a last event that no empty line closes, or with NaN | not seen: usage and finish of the event before it | read |
| \`gemini\` | a count of the output that is null, while the total has it | left out | counted: what is in the total and not in the input |
| \`openai_chat\` | Perplexity's chunks, which repeat the whole answer beside their piece | the pieces | the whole answer |
| \`openai_chat\` | calls of tools that all have index 0 and ids of their own (Google, Ollama) | run together | separate calls |
| \`openai_chat\` | pieces of a call without index and id (Moonshot, Workers AI) | throws | go on with the call before them |
| \`openai_chat\` | a whole message in the last chunk (MiniMax) | not read | the answer |

## What is not read

- Answers that are fetched later: \`GET /v1/responses/{id}\` of background responses, \`GET /v1beta/interactions/{id}\`, results of
  batches. The request that started them leaves its event; fetching leaves an \`identifiable\` one, for it may be fetched often
  and its tokens must not be counted twice.
- Calls in gRPC, Connect and protobuf whose schema nobody publishes (Cursor): \`structure\` has their messages without names.
  Statuses in gRPC trailers are not read.
- Prices of audio, images, searches and tools; discounts of batches and tiers of service.

## Providers of the bundle

Each is read with the transcripts of the formats that it speaks. Where a provider speaks more than one (MiniMax,
OpenRouter, Copilot …) the path decides.

${table(["provider", ...ABILITIES], providerRows)}
`;
}
