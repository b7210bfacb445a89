import { createHash } from "node:crypto";
import type { Feature } from "../oisp/bundle.js";
import type { DecodedBody, DecodedExchange } from "./interaction.js";
import { isObject, type JsonObject, jsonOrText, listOf, objectOf, stringOf } from "./json.js";
import { type Budget, compileRule, type Rule } from "./rules.js";

/** Time limit for all rules of one exchange, in milliseconds. */
const TIME_LIMIT = 250;

/** Values found by a feature's rules, under the bundle's names. */
export interface FeatureReading {
  readonly request: JsonObject;
  readonly response?: JsonObject;
}

interface StreamRule {
  readonly when: Rule | undefined;
  readonly extract: ReadonlyArray<readonly [string, Rule]>;
  readonly preprocess: unknown;
}

interface FeatureRules {
  readonly published: boolean;
  readonly request: ReadonlyArray<readonly [string, Rule]>;
  readonly response: ReadonlyArray<readonly [string, Rule]>;
  readonly stream: readonly StreamRule[];
  readonly finalize: ReadonlyArray<readonly [string, Rule]>;
  /** Names that `finalize` turns into others. */
  readonly consumed: ReadonlySet<string>;
}

/**
 * Parsers in the bundles published in January and February 2026, and in the embedded one, that our own readers are
 * better than: ChatGPT's and DeepSeek's lose pieces of the answer or add others, Perplexity's needs what rules cannot
 * express, Claude's does not read the answer. A modified parser has another fingerprint and takes precedence again.
 */
const PUBLISHED = new Set<string>([
  "b630205d11ced168", // chatgpt
  "ffde1a8db0234363", // deepseek
  "a1ccf516d9ca5ee9", // gemini
  "a0ae665c132fb654", // grok
  "3951ca68e4588914", // perplexity
  "da37d8c89ddfc085", // granola
  "bbae3f3e5e8f7d12", // claude
  "9f61406c287c337f", // claude, in the embedded bundle
]);

const compiled = new WeakMap<object, FeatureRules>();

/** True when our own reader is known to be better than exactly this parser. */
export function isPublishedParser(feature: Feature): boolean {
  return isObject(feature.parser) && rulesOf(feature.parser).published;
}

/** Reads an exchange by the rules of the bundle's feature; `undefined` when there are none. */
export function readFeature(exchange: DecodedExchange, feature: Feature): FeatureReading | undefined {
  const { parser } = feature;
  if (!isObject(parser)) return undefined;
  const rules = rulesOf(parser);
  const budget: Budget = { deadline: performance.now() + TIME_LIMIT };
  const question = questionOf(exchange.requestBody, objectOf(parser.request));
  const request = extract(rules.request, question, budget);
  if (exchange.responseBody.kind === "empty") return { request };
  const response =
    rules.stream.length > 0
      ? readStream(
          rules,
          objectOf(objectOf(objectOf(parser.response).stream).accumulate),
          exchange.responseBody,
          budget,
        )
      : extract(rules.response, documentOf(exchange.responseBody), budget);
  return { request, response };
}

function rulesOf(parser: JsonObject): FeatureRules {
  let rules = compiled.get(parser);
  if (!rules) {
    rules = compile(parser);
    compiled.set(parser, rules);
  }
  return rules;
}

/** Keys of a request's parser that are not rules, but define how to extract the document. */
const REQUEST_SETTINGS = new Set(["encoding", "form_field", "preprocess"]);

function compile(parser: JsonObject): FeatureRules {
  const response = objectOf(parser.response);
  const stream = objectOf(response.stream);
  const finalize = objectOf(stream.finalize);
  return {
    published: PUBLISHED.has(fingerprint(parser)),
    request: compileAll(parser.request).filter(([name]) => !REQUEST_SETTINGS.has(name)),
    response: compileAll(parser.response),
    stream: listOf(stream.rules)
      .map(objectOf)
      .flatMap((rule) => {
        const when = rule.when === undefined ? undefined : compileRule(rule.when);
        // A rejected condition must not match everything.
        if (rule.when !== undefined && !when) return [];
        return [{ when, extract: compileAll(rule.extract), preprocess: rule.preprocess }];
      }),
    finalize: compileAll(finalize),
    consumed: new Set(
      Object.values(finalize).flatMap((rule) =>
        [...String(rule).matchAll(/accumulated\.(\w+)/g)].map(([, name]) => name!),
      ),
    ),
  };
}

function compileAll(rules: unknown): ReadonlyArray<readonly [string, Rule]> {
  return Object.entries(objectOf(rules)).flatMap(([name, text]) => {
    const rule = text === "$_perplexity_blocks" ? undefined : compileRule(text);
    return rule ? [[name, rule] as const] : [];
  });
}

function extract(rules: ReadonlyArray<readonly [string, Rule]>, input: unknown, budget: Budget): JsonObject {
  return Object.fromEntries(
    rules.flatMap(([name, rule]) => {
      const value = rule(input, budget);
      return value === undefined || value === null ? [] : [[name, value]];
    }),
  );
}

function documentOf(body: DecodedBody): unknown {
  return body.kind === "json" || body.kind === "form" ? body.value : undefined;
}

function questionOf(body: DecodedBody, parser: JsonObject): unknown {
  const value = documentOf(body);
  const field = stringOf(parser.form_field);
  return preprocess(field === undefined ? value : objectOf(value)[field], parser.preprocess);
}

/** Applies the steps that extract the inner document. */
function preprocess(value: unknown, steps: unknown): unknown {
  return listOf(steps)
    .map(objectOf)
    .reduce<unknown>((current, { op, value: argument }) => {
      switch (op) {
        case "json_parse":
          return typeof current === "string" ? jsonOrText(current) : undefined;
        case "index":
          return Array.isArray(current) && typeof argument === "number" ? current.at(argument) : undefined;
        case "form_decode":
          return typeof current === "string" ? Object.fromEntries(new URLSearchParams(current)) : undefined;
        case "strip_prefix":
          return typeof current === "string" && typeof argument === "string" && current.startsWith(argument)
            ? current.slice(argument.length)
            : current;
        default:
          return current;
      }
    }, value);
}

/** Applies to each chunk every rule whose condition holds; results are combined as defined by `accumulate`. */
function readStream(
  rules: FeatureRules,
  accumulate: JsonObject,
  body: DecodedBody,
  budget: Budget,
): JsonObject {
  const found = new Map<string, unknown[]>();
  const chunks = body.kind === "stream" ? body.chunks.map(({ data }) => data) : [documentOf(body)];
  for (const chunk of chunks) {
    if (typeof chunk !== "object" || chunk === null) continue;
    for (const rule of rules.stream) {
      if (rule.when && rule.when(chunk, budget) !== true) continue;
      for (const [name, value] of Object.entries(
        extract(rule.extract, preprocess(chunk, rule.preprocess), budget),
      )) {
        const values = found.get(name);
        if (values) values.push(value);
        else found.set(name, [value]);
      }
    }
  }
  const accumulated = gather(found, accumulate);
  const final = extract(rules.finalize, { accumulated }, budget);
  const rest = Object.entries(accumulated).filter(([name]) => !rules.consumed.has(name));
  return { ...Object.fromEntries(rest), ...final };
}

function gather(found: ReadonlyMap<string, readonly unknown[]>, accumulate: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(accumulate).flatMap(([name, how]) => {
      const { from, op } = objectOf(how);
      const values = found.get(stringOf(from) ?? name);
      return values ? [[name, gatherOne(values, op)]] : [];
    }),
  );
}

function gatherOne(values: readonly unknown[], op: unknown): unknown {
  if (op === "first") return values[0];
  if (op === "last") return values.at(-1);
  if (op === "sum")
    return values.reduce<number>((sum, value) => sum + (typeof value === "number" ? value : 0), 0);
  return values.map((value) => (typeof value === "string" ? value : "")).join("");
}

/** Independent of the order of keys. */
function fingerprint(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(value, 0)))
    .digest("hex")
    .slice(0, 16);
}

function sorted(value: unknown, depth: number): unknown {
  if (Array.isArray(value)) return value.map((element) => sorted(element, depth + 1));
  if (!isObject(value) || depth > 20) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, child]) => [key, sorted(child, depth + 1)]));
}
