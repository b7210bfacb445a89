import type { Provider } from "../oisp/bundle.js";
import { anthropicMessages } from "./formats/anthropic-messages.js";
import { openaiChat } from "./formats/openai-chat.js";
import type { WireFormat } from "./formats/wire-format.js";
import type { DecodedExchange } from "./interaction.js";
import { type JsonObject, objectOf } from "./json.js";

/** Ends of paths that only one format has, most telling first. */
const BY_PATH: ReadonlyArray<readonly [RegExp, WireFormat]> = [
  [/\/chat\/completions$/, openaiChat],
  [/\/v1\/messages$/, anthropicMessages],
];

const BY_API_FORMAT: ReadonlyMap<string, WireFormat> = new Map([
  ["openai", openaiChat],
  ["anthropic", anthropicMessages],
]);

/**
 * The wire format of an exchange: told by its path, then by its request's body, and only when both are silent by
 * what the bundle says of the provider. `undefined` when it is no call of a model.
 */
export function wireFormatOf(
  exchange: DecodedExchange,
  provider: Provider | undefined,
): WireFormat | undefined {
  const path = exchange.path.replace(/\/+$/, "");
  const byPath = BY_PATH.find(([pattern]) => pattern.test(path));
  if (byPath) return byPath[1];
  if (exchange.method !== "POST" || exchange.requestBody.kind !== "json") return undefined;
  return byBody(objectOf(exchange.requestBody.value), provider);
}

function byBody(body: JsonObject, provider: Provider | undefined): WireFormat | undefined {
  if (!Array.isArray(body.messages)) return undefined;
  if (typeof body.anthropic_version === "string") return anthropicMessages;
  return BY_API_FORMAT.get(provider?.apiFormat ?? "openai") ?? openaiChat;
}
