import type { DecodedExchange, InteractionResponse } from "./interaction.js";
import { isObject, listOf, present, wordOf } from "./json.js";

type ProviderError = NonNullable<InteractionResponse["error"]>;

/** Characters kept of an error page. */
const MAX_TEXT = 2000;

/**
 * The provider's own error: `{error: {type, code, message}}` of OpenAI, Anthropic and Google (which also sends it
 * in a list), `{error: "…"}` of Ollama, `{message, __type}` of AWS, `{message}` of Cohere. What has no `error` is
 * one only when the status says so. An error within a stream stands in the assembled document.
 */
export function errorOf(exchange: DecodedExchange, document: unknown): ProviderError | undefined {
  const body = isObject(document) ? document : listOf(document)[0];
  const failed = exchange.status !== undefined && exchange.status >= 400;
  if (typeof document === "string") return failed ? { message: document.slice(0, MAX_TEXT) } : undefined;
  if (!isObject(body)) return undefined;
  const { error } = body;
  if (typeof error === "string" && error !== "") {
    return present({ code: wordOf(body.code), message: wordOf(body.message) ?? error });
  }
  if (isObject(error)) {
    return present({
      type: wordOf(error.type) ?? wordOf(error.status),
      code: codeOf(error.code),
      message: wordOf(error.message),
    });
  }
  if (!failed) return undefined;
  return present({
    type: wordOf(body.__type) ?? wordOf(body.type),
    code: codeOf(body.code),
    message: wordOf(body.message) ?? wordOf(body.Message) ?? wordOf(body.detail),
  });
}

function codeOf(code: unknown): string | undefined {
  return typeof code === "number" ? String(code) : wordOf(code);
}
