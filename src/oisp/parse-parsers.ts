/** Parses `parsers` of 2.x bundles, and converts `extraction_rules` of 1.0.0 bundles to the same form. */

import type { Parser, ParserPath, ParserPaths, StreamingParser } from "./bundle.js";
import { entriesOf, isRecord, textOf } from "./document.js";
import { refuseJsonPath } from "./jsonpath-safety.js";
import { entryFault } from "./schema.js";

/** Endpoints of `extraction_rules` that represent a format; later ones take precedence. */
const CHAT_ENDPOINTS = ["generate", "chat", "generate_content", "messages", "chat_completions"];

export function parseParsers(published: unknown, rejected: string[]): Map<string, Parser> {
  const parsers = new Map<string, Parser>();
  for (const [format, entry] of entriesOf(published)) {
    const fault = entryFault("parser", entry);
    if (fault !== undefined || !isRecord(entry)) {
      rejected.push(`Parser ${format}: ${fault}.`);
      continue;
    }
    const streaming = parseStreaming(entry.streaming, format, rejected);
    parsers.set(format, {
      request: parsePaths(entry.request, `Parser ${format}, request`, rejected),
      response: parsePaths(entry.response, `Parser ${format}, response`, rejected),
      ...(streaming && { streaming }),
    });
  }
  return parsers;
}

export function parseExtractionRules(published: unknown, rejected: string[]): Map<string, Parser> {
  const parsers = new Map<string, Parser>();
  for (const [format, rules] of entriesOf(published)) {
    const endpoints = isRecord(rules) && isRecord(rules.endpoints) ? rules.endpoints : {};
    let request: ParserPaths = {};
    let response: ParserPaths = {};
    for (const name of CHAT_ENDPOINTS) {
      const endpoint = endpoints[name];
      if (!isRecord(endpoint)) continue;
      const where = `Extraction rule ${format}.${name}`;
      request = { ...request, ...parsePaths(endpoint.request_extraction, where, rejected) };
      response = { ...response, ...parsePaths(endpoint.response_extraction, where, rejected) };
    }
    if (Object.keys(request).length === 0)
      rejected.push(`Extraction rules ${format}: no chat endpoint with paths.`);
    else
      parsers.set(format, {
        request,
        response,
        streaming: { format: format === "ollama" ? "ndjson" : "sse" },
      });
  }
  return parsers;
}

function parseStreaming(published: unknown, format: string, rejected: string[]): StreamingParser | undefined {
  if (!isRecord(published)) return undefined;
  const kind = published.format ?? "sse";
  if (kind !== "sse" && kind !== "ndjson") {
    rejected.push(`Parser ${format}, streaming: format ${String(kind)} is unknown.`);
    return undefined;
  }
  const doneSignal = textOf(published.done_signal);
  const deltaPath = published.delta_path === undefined ? undefined : parsePath(published.delta_path);
  if (typeof deltaPath === "string") rejected.push(`Parser ${format}, streaming.delta_path: ${deltaPath}.`);
  return {
    format: kind,
    ...(doneSignal !== undefined && { doneSignal }),
    ...(typeof deltaPath === "object" && { deltaPath }),
  };
}

function parsePaths(published: unknown, where: string, rejected: string[]): ParserPaths {
  const paths: Record<string, ParserPath | { [field: string]: ParserPath }> = {};
  for (const [field, value] of entriesOf(published)) {
    if (isRecord(value) && textOf(value.header) === undefined) {
      paths[field] = parseFlatPaths(value, `${where}, ${field}`, rejected);
      continue;
    }
    const path = parsePath(value);
    if (typeof path === "string") rejected.push(`${where}, ${field}: ${path}.`);
    else paths[field] = path;
  }
  return paths;
}

function parseFlatPaths(
  published: unknown,
  where: string,
  rejected: string[],
): { [field: string]: ParserPath } {
  const paths: { [field: string]: ParserPath } = {};
  for (const [field, value] of entriesOf(published)) {
    const path = parsePath(value);
    if (typeof path === "string") rejected.push(`${where}.${field}: ${path}.`);
    else paths[field] = path;
  }
  return paths;
}

/** The path, or why it was rejected. */
function parsePath(value: unknown): ParserPath | string {
  const header = isRecord(value) ? textOf(value.header) : undefined;
  if (header !== undefined)
    return /^[\w-]{1,100}$/.test(header)
      ? { kind: "header", header: header.toLowerCase() }
      : "is not a header name";
  if (typeof value !== "string") return "is not a path";
  if (/^\{[a-z_]{1,50}\}$/.test(value)) return { kind: "template", template: value };
  const fault = refuseJsonPath(value);
  return fault === undefined ? { kind: "jsonpath", path: value } : fault;
}
