import type { Bundle, Provider } from "../../src/oisp/bundle.js";
import { SDKS } from "../lab/sdk-cases.js";
import type { Transcript } from "./transcripts.js";

const ABILITIES = ["plain", "stream", "tools", "reasoning", "usage", "errors"] as const;

/** Transcripts of what a provider of this format speaks. */
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
  const formats = FORMATS_OF[apiFormat] ?? FORMATS_OF.openai!;
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

The format is told by path and body first, by the bundle's \`api_format\` when those are silent.

${table(["format", ...ABILITIES, "official SDKs"], formatRows)}

## Providers of the bundle

Each is read with the transcripts of the formats that it speaks. Where a provider speaks more than one (MiniMax,
OpenRouter, Copilot …) the path decides.

${table(["provider", ...ABILITIES], providerRows)}
`;
}
