import jsonata from "jsonata";
import { isObject, listOf } from "./json.js";

/** Maximum length of a rule; those in published bundles have at most 120 characters. */
const MAX_LENGTH = 2000;
/** Maximum nesting of a rule's syntax tree, and of its evaluation. */
const MAX_DEPTH = 100;

/** Functions that rules may call: none that loop, evaluate text, or amplify their input. */
const FUNCTIONS = new Set([
  "exists",
  "not",
  "type",
  "join",
  "string",
  "number",
  "boolean",
  "count",
  "sum",
  "substring",
  "substringBefore",
  "substringAfter",
  "lowercase",
  "uppercase",
  "trim",
  "length",
  "lookup",
  "keys",
  "merge",
  "append",
  "distinct",
]);

/** Syntax that can loop, run for a long time, or modify data: function definitions, patterns, `**`, transforms. */
const FORBIDDEN = new Set([
  "lambda",
  "partial",
  "regex",
  "descendant",
  "parent",
  "apply",
  "transform",
  "bind",
]);

/** Shared by the rules of one exchange: once it is used up, rules return nothing. */
export interface Budget {
  readonly deadline: number;
}

export type Rule = (input: unknown, budget: Budget) => unknown;

/**
 * Compiles a JSONata rule of the bundle. The bundle is untrusted: what could loop or run for a long time is rejected
 * here, and evaluation stops at the deadline. `undefined` when the text is rejected or not a rule.
 */
export function compileRule(text: unknown): Rule | undefined {
  if (typeof text !== "string" || text.length > MAX_LENGTH) return undefined;
  try {
    const expression = jsonata(text);
    if (!isHarmless(expression.ast(), 0)) return undefined;
    let current: Budget = { deadline: 0 };
    let steps = 0;
    expression.assign("__evaluate_entry", () => {
      if ((++steps & 63) === 0 && performance.now() > current.deadline)
        throw new RangeError("rule ran out of time");
    });
    return (input, budget) => {
      current = budget;
      if (performance.now() > budget.deadline) return undefined;
      try {
        return plain(expression.evaluate(input));
      } catch {
        return undefined; // the rule does not apply to this document
      }
    };
  } catch {
    return undefined; // not JSONata
  }
}

function isHarmless(node: unknown, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(node)) return node.every((element) => isHarmless(element, depth + 1));
  if (!isObject(node)) return true;
  if (FORBIDDEN.has(String(node.type)) || (node.type === "binary" && node.value === "..")) return false;
  if (node.type === "function" && !isKnownFunction(node.procedure)) return false;
  return Object.values(node).every((child) => isHarmless(child, depth + 1));
}

function isKnownFunction(procedure: unknown): boolean {
  return isObject(procedure) && procedure.type === "variable" && FUNCTIONS.has(String(procedure.value));
}

/** Removes JSONata's own properties from lists. */
function plain(value: unknown): unknown {
  if (typeof value === "function") return undefined;
  return Array.isArray(value) ? [...listOf(value)] : value;
}
