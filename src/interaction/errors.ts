import type { DecodedExchange, InteractionResponse } from "./interaction.js";
import { isObject, type JsonObject, listOf, objectOf, present, wordOf } from "./json.js";

type ProviderError = NonNullable<InteractionResponse["error"]>;

/** Characters kept of an error page. */
const MAX_TEXT = 2000;

/**
 * The provider's own error: `{error: {type, code, message}}` of OpenAI, Anthropic and Google (which also sends it in a
 * list), `{error: "…"}` of Ollama, `{message, __type}` of AWS, `{message}` of Cohere. A document without `error` is an
 * error if its status or its own fields indicate one. An error within a stream is in the assembled document.
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
  const flat = flatErrorOf(body);
  if (flat || !failed) return flat;
  return present({
    type: wordOf(body.__type) ?? wordOf(body.type),
    code: codeOf(body.code),
    message: wordOf(body.message) ?? wordOf(body.Message) ?? wordOf(body.detail),
  });
}

/** Field names of errors beside the answer, or in its place, without a field `error`. */
const FLAT: ReadonlyArray<readonly [code: string, message: string, type?: string]> = [
  ["error_code", "error_message", "error_type"],
  ["error_code", "error_msg"],
  ["status_code", "status_msg"],
];

/**
 * An error without the field `error`, also in responses with status 200 and within streams: `error_message` (gateways),
 * `error_msg` (Baidu), `base_resp` (MiniMax), `object: "error"` (vLLM), `errors` (Cloudflare), and a `code` with a
 * `message` where an answer should be (DashScope, Zhipu).
 */
export function flatErrorOf(body: JsonObject): ProviderError | undefined {
  for (const source of [body, objectOf(body.base_resp)]) {
    for (const [code, message, type] of FLAT) {
      const text = wordOf(source[message]);
      if (text === undefined || source[code] === 0) continue;
      return present({
        type: type === undefined ? undefined : wordOf(source[type]),
        code: codeOf(source[code]),
        message: text,
      });
    }
  }
  const [first] = body.success === false ? listOf(body.errors) : [];
  const failure = isObject(first) ? first : body;
  const answers = ["choices", "content", "output", "candidates", "response", "data", "text", "results"];
  const isFailure =
    failure !== body ||
    body.object === "error" ||
    (failure.code !== undefined &&
      failure.code !== null &&
      !/^(?:0|200|ok|success)$/i.test(String(failure.code)) &&
      answers.every((name) => body[name] === undefined || body[name] === null));
  const message = wordOf(failure.message);
  if (!isFailure || message === undefined) return undefined;
  return present({
    type: wordOf(failure.__type) ?? wordOf(failure.type),
    code: codeOf(failure.code),
    message,
  });
}

function codeOf(code: unknown): string | undefined {
  return typeof code === "number" ? String(code) : wordOf(code);
}
