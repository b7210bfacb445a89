/** Takes credentials out of what is written. What is no credential stays as it is. */

import { sourceOf } from "../interaction/json-source.js";
import { judgeName, type NameVerdict } from "./secret-names.js";
import { jsonMayHoldSecret, mayHoldSecret } from "./secret-screen.js";
import { findSecrets, looksLikeCredential, MARK, SHORTEST_TEXT } from "./secrets.js";

/** So much of a credential is shown: enough to tell which it is, too little to use it. */
const SHOWN = 8;
/** Of a credential shorter than this nothing is shown: eight characters would be half of it. */
const SHORTEST_SHOWN = 20;
/** For shorter texts the many searches of the screen cost more than they save. */
const SHORTEST_SCREENED = 64;
/** JSON.parse goes deeper than JSON.stringify comes back from. */
const MAX_DEPTH = 200;

/** The text with each credential cut to its first characters. */
export function redactText(text: string): string {
  if (text.length < SHORTEST_TEXT) return text;
  if (text.length >= SHORTEST_SCREENED && !mayHoldSecret(text)) return text;
  const secrets = findSecrets(text);
  if (secrets.length === 0) return text;
  let redacted = "";
  let end = 0;
  for (const secret of secrets) {
    redacted += text.slice(end, secret.start) + mask(text.slice(secret.start, secret.end));
    end = secret.end;
  }
  return redacted + text.slice(end);
}

function mask(secret: string): string {
  if (secret.endsWith(MARK)) return secret;
  return (secret.length < SHORTEST_SHOWN ? "" : secret.slice(0, SHOWN)) + MARK;
}

/**
 * The path with the names of its query; the values become `REDACTED`, whatever they are: Google takes the
 * API key as `?key=`.
 */
export function redactPath(path: string): string {
  const query = path.indexOf("?");
  if (query < 0) return redactText(path);
  const pairs = path
    .slice(query + 1)
    .split("&")
    .map(redactPair);
  return `${redactText(path.slice(0, query))}?${pairs.join("&")}`;
}

function redactPair(pair: string): string {
  const equals = pair.indexOf("=");
  if (equals < 0) return /^[A-Za-z0-9_.-]{0,32}$/.test(pair) ? redactText(pair) : "REDACTED";
  const name = redactText(pair.slice(0, equals));
  return equals === pair.length - 1 ? `${name}=` : `${name}=REDACTED`;
}

/**
 * Takes the credentials out of JSON values: found in strings by their looks, and by the name of the field.
 * Returns the very value when there was nothing to take out; never changes it. A value whose JSON text is known
 * and clean is not walked.
 */
export class Redactor {
  redact<T>(value: T): T {
    const source = typeof value === "object" && value !== null ? sourceOf(value) : undefined;
    if (source !== undefined && !jsonMayHoldSecret(source)) return value;
    return this.#any(value, "plain", 0) as T;
  }

  #any(value: unknown, naming: NameVerdict, depth: number): unknown {
    if (typeof value === "string") return this.#string(value, naming);
    if (typeof value === "number") return naming === "secret" ? MARK : value;
    if (typeof value !== "object" || value === null) return value;
    if (depth >= MAX_DEPTH) return "[nested too deeply]";
    return Array.isArray(value)
      ? this.#array(value, naming, depth)
      : this.#object(value as JsonObject, depth);
  }

  #string(text: string, naming: NameVerdict): string {
    if (naming === "secret" || naming === "cookie") return text === "" ? text : mask(text);
    if (naming === "ambiguous" && looksLikeCredential(text)) return mask(text);
    return redactText(text);
  }

  #array(values: readonly unknown[], naming: NameVerdict, depth: number): readonly unknown[] {
    let copy: unknown[] | undefined;
    for (let i = 0; i < values.length; i += 1) {
      const redacted = this.#any(values[i], naming, depth + 1);
      if (redacted !== values[i]) {
        copy ??= values.slice();
        copy[i] = redacted;
      }
    }
    return copy ?? values;
  }

  #object(object: JsonObject, depth: number): JsonObject {
    let changed: Map<string, readonly [name: string, value: unknown]> | undefined;
    for (const key in object) {
      const value = object[key];
      const redacted = this.#any(value, key === "value" ? nameOfPair(object) : judgeName(key), depth + 1);
      const name = redactText(key);
      if (redacted !== value || name !== key) {
        changed ??= new Map();
        changed.set(key, [name, redacted]);
      }
    }
    if (changed === undefined) return object;
    // fromEntries defines properties: a key `__proto__` stays a key.
    return Object.fromEntries(Object.entries(object).map(([key, value]) => changed.get(key) ?? [key, value]));
  }
}

type JsonObject = Record<string, unknown>;

/** Headers, form fields and variables are often listed as `{"name": "api_key", "value": …}`. */
function nameOfPair(object: JsonObject): NameVerdict {
  const name = object.name ?? object.key;
  return typeof name === "string" ? judgeName(name) : "plain";
}
