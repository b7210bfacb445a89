/**
 * Schema of each kind of entry. It only covers the fields in use: published bundles have more, and entries may gain
 * fields at any time.
 */

import { Ajv, type ValidateFunction } from "ajv";

/** Names are printed to terminals, so control characters are not allowed. */
const shown = { maxLength: 4096, pattern: "^[^\\x00-\\x1f\\x7f-\\x9f]*$" } as const;
const text = { type: "string", minLength: 1, ...shown } as const;
const optionalText = { type: ["string", "null"], ...shown } as const;
const texts = { anyOf: [text, { type: "array", items: text, maxItems: 1000 }, { type: "null" }] } as const;
const price = { type: ["number", "null"], minimum: 0 } as const;
const pattern = {
  type: "object",
  required: ["url"],
  properties: {
    url: text,
    method: optionalText,
    query_params: { type: ["array", "null"], items: text, maxItems: 50 },
  },
} as const;

const SCHEMAS = {
  host: text,
  pattern: {
    type: "object",
    required: ["pattern", "provider"],
    properties: { pattern: text, provider: text, regex: optionalText },
  },
  provider: {
    type: "object",
    properties: {
      name: optionalText,
      display_name: optionalText,
      api_format: optionalText,
      api_endpoint: optionalText,
    },
  },
  model: {
    type: "object",
    properties: {
      id: optionalText,
      provider: optionalText,
      input_cost_per_1k: price,
      output_cost_per_1k: price,
      cache_read_cost_per_1k: price,
      cache_write_cost_per_1k: price,
      reasoning_cost_per_1k: price,
      long_context: {
        type: ["object", "null"],
        required: ["above"],
        properties: {
          above: { type: "integer", minimum: 1 },
          input_cost_per_1k: price,
          output_cost_per_1k: price,
          cache_read_cost_per_1k: price,
          cache_write_cost_per_1k: price,
          reasoning_cost_per_1k: price,
        },
      },
    },
  },
  parser: {
    type: "object",
    properties: {
      request: { type: "object" },
      response: { type: "object" },
      streaming: { type: ["object", "null"] },
    },
  },
  feature: {
    type: "object",
    required: ["patterns"],
    properties: {
      name: optionalText,
      type: optionalText,
      patterns: {
        anyOf: [
          { type: "array", items: pattern, maxItems: 100 },
          { type: "object", additionalProperties: pattern, maxProperties: 100 },
        ],
      },
    },
  },
  site: {
    type: "object",
    required: ["name"],
    properties: {
      id: optionalText,
      name: text,
      vendor: optionalText,
      category: optionalText,
      domains: texts,
      api_domains: texts,
      features: { type: ["object", "null"] },
      signatures: { type: ["object", "null"] },
    },
  },
  signatures: {
    type: "object",
    properties: {
      macos: {
        type: ["object", "null"],
        properties: { bundle_id: texts, helper_bundles: texts, exe: texts, team_id: texts },
      },
      windows: { type: ["object", "null"], properties: { exe: texts } },
      linux: {
        type: ["object", "null"],
        properties: { exe: texts, desktop_id: texts, flatpak_id: texts, snap_name: texts },
      },
      scripts: texts,
    },
  },
} as const;

export type EntryKind = keyof typeof SCHEMAS;

let validators: Map<EntryKind, ValidateFunction> | undefined;

/** Undefined when the entry is valid, else what is wrong with it. */
export function entryFault(kind: EntryKind, entry: unknown): string | undefined {
  // Compiled when the first bundle is read, so that other commands do not pay for it.
  validators ??= compileAll();
  const validate = validators.get(kind)!;
  if (validate(entry)) return undefined;
  const [error] = validate.errors ?? [];
  return `${error?.instancePath || "it"} ${error?.message ?? "is malformed"}`;
}

function compileAll(): Map<EntryKind, ValidateFunction> {
  const ajv = new Ajv({ allowUnionTypes: true });
  return new Map(Object.entries(SCHEMAS).map(([kind, schema]) => [kind as EntryKind, ajv.compile(schema)]));
}
