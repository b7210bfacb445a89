/** Redacts credentials in what is written, and nothing else. */

import { sourceOf } from "../interaction/json-source.js";
import { judgeName, type NameVerdict } from "./secret-names.js";
import { isUserAndPassword } from "./secret-runs.js";
import { jsonMayHoldSecret } from "./secret-screen.js";
import { isDescription, isPath, looksLikeCredential, looksLikeVariable, MARK } from "./secret-values.js";
import { findSecrets, SHORTEST_TEXT } from "./secrets.js";

/** Characters of a credential that are kept: enough to recognise it, too few to use it. */
const SHOWN = 8;
/** Nothing is kept of shorter credentials: eight characters would be half of them. */
const SHORTEST_SHOWN = 20;
/** JSON.parse accepts deeper nesting than JSON.stringify can handle. */
const MAX_DEPTH = 200;
/** Length of ids and model names, which each chunk of a stream repeats. */
const LONGEST_KNOWN = 64;
const MAX_KNOWN = 4096;

/** The text with each credential truncated to its first characters. */
export function redactText(text: string): string {
  if (text.length < SHORTEST_TEXT) return text;
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
 * The path with all values in its query replaced by `REDACTED`: Google takes the API key as `?key=`.
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
 * Redacts credentials in JSON values, recognised by their form, or by the name of the field. Returns the same value if
 * there is nothing to redact; never modifies it. A value whose JSON text is known to be clean is not traversed.
 */
export class Redactor {
  /** Short texts known to contain no credential. */
  private readonly clean = new Set<string>();

  redact<T>(value: T): T {
    const source = typeof value === "object" && value !== null ? sourceOf(value) : undefined;
    if (source !== undefined && !jsonMayHoldSecret(source)) return value;
    return this.any(value, "plain", 0) as T;
  }

  private any(value: unknown, naming: NameVerdict, depth: number): unknown {
    if (typeof value === "string") return this.string(value, naming);
    if (typeof value === "number") return isSecretNumber(value, naming) ? MARK : value;
    if (typeof value !== "object" || value === null) return value;
    if (depth >= MAX_DEPTH) return "[nested too deeply]";
    return Array.isArray(value) ? this.array(value, naming, depth) : this.object(value as JsonObject, depth);
  }

  private string(text: string, naming: NameVerdict): string {
    return naming !== "plain" && isSecretField(text, naming) ? mask(text) : this.text(text);
  }

  private text(text: string): string {
    if (text.length < SHORTEST_TEXT) return text;
    if (text.length > LONGEST_KNOWN) return redactText(text);
    if (this.clean.has(text)) return text;
    const redacted = redactText(text);
    if (redacted === text && this.clean.size < MAX_KNOWN) this.clean.add(text);
    return redacted;
  }

  private array(values: readonly unknown[], naming: NameVerdict, depth: number): readonly unknown[] {
    let copy: unknown[] | undefined;
    for (let i = 0; i < values.length; i += 1) {
      const redacted = this.any(values[i], naming, depth + 1);
      if (redacted !== values[i]) {
        copy ??= values.slice();
        copy[i] = redacted;
      }
    }
    return copy ?? values;
  }

  private object(object: JsonObject, depth: number, isOfNames = false): JsonObject {
    let changed: Map<string, readonly [name: string, value: unknown]> | undefined;
    for (const key in object) {
      const value = object[key];
      const redacted =
        isObject(value) && NAMES_PROPERTIES.has(key) && !isOfNames
          ? this.object(value, depth + 1, true)
          : this.any(value, isOfNames ? "plain" : namingOf(key, object), depth + 1);
      const name = this.text(key);
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

/** Keywords of JSON Schema whose keys are property names: a `password` there is not a value. */
const NAMES_PROPERTIES = new Set([
  "properties",
  "patternProperties",
  "dependentRequired",
  "dependentSchemas",
  "dependencies",
  "definitions",
  "$defs",
]);

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The private fields of a JSON Web Key (RFC 7518 §6). */
const JWK_PRIVATE = new Set(["d", "k", "p", "q", "dp", "dq", "qi"]);

function namingOf(key: string, object: JsonObject): NameVerdict {
  if (key === "value") return nameOfPair(object);
  if (key.length <= 2 && JWK_PRIVATE.has(key) && typeof object.kty === "string") return "secret";
  return judgeName(key);
}

/** Headers, form fields and variables are often represented as `{"name": "api_key", "value": …}`. */
function nameOfPair(object: JsonObject): NameVerdict {
  const name = object.name ?? object.key;
  return typeof name === "string" ? judgeName(name) : "plain";
}

const UNQUALIFIED = { isVariable: false, isQuoted: true, isInList: false };

/** Whether the whole text of a field is a credential, by the field's name. */
function isSecretField(text: string, naming: NameVerdict): boolean {
  if (text === "" || naming === "plain") return false;
  switch (naming) {
    case "password":
    case "secret":
    case "authorization":
      // `"credentials": "include"`, `"password": "string"`, `"pwd": "/home/ana"`
      return !isDescription(text) && !(isPath(text) && !looksLikeCredential(text));
    case "cookie":
      // No recipe.
      return !text.includes(" ") || text.includes("=");
    case "variable":
      return looksLikeVariable(text, UNQUALIFIED);
    case "ambiguous":
      return (
        looksLikeCredential(text) || (text.length >= 12 && text.endsWith("=") && isUserAndPassword(text))
      );
  }
}

/** Smaller numbers are counts, limits or flags. */
const SMALLEST_SECRET_NUMBER = 1000;

function isSecretNumber(value: number, naming: NameVerdict): boolean {
  return (naming === "secret" || naming === "password") && Math.abs(value) >= SMALLEST_SECRET_NUMBER;
}
