import type { StreamChunk } from "../interaction.js";
import { isObject, type JsonObject, listOf, objectOf, present, stringOf, wordOf } from "../json.js";
import { assign, type Growing } from "./assembly.js";
import { DeltaDocument } from "./delta-document.js";
import type { WireFormat } from "./wire-format.js";

/** The search of www.perplexity.ai and of Comet: `/rest/sse/perplexity_ask`. */
export const perplexityWeb: WireFormat = {
  id: "perplexity_web",
  type: "search",
  request: (fields) => {
    const params = objectOf(fields.params);
    return present({
      prompt: fields.query_str,
      model: wordOf(params.model_preference),
      search_focus: wordOf(params.search_focus),
      mode: wordOf(params.mode),
    });
  },
  response: (fields) =>
    present({
      content: wordOf(fields.content),
      model: wordOf(fields.display_model),
      finish_reason: wordOf(fields.status)?.toLowerCase(),
      conversation_id: wordOf(fields.thread_url_slug) ?? wordOf(fields.context_uuid),
    }),
  assemble: assembleSearch,
};

/**
 * A block replaces the previous one. If its chunks continue at `chunk_starting_offset`, it only contains those from
 * there on, and only these are copied: an answer has as many events as chunks.
 */
function putBlock(document: DeltaDocument, operation: string, block: unknown): void {
  const { chunks, chunk_starting_offset: offset } = objectOf(block);
  if (!isObject(block) || !Array.isArray(chunks) || typeof offset !== "number") {
    document.push({ p: "", o: operation, v: block });
    return;
  }
  const known = objectOf(document.value).chunks;
  const list: unknown[] = Array.isArray(known) ? known : [];
  list.length = Math.min(list.length, Math.max(0, Math.trunc(offset)));
  for (const chunk of structuredClone(chunks)) list.push(chunk);
  document.push({ p: "", o: operation, v: { ...block, chunks: [] } });
  (document.value as Growing).chunks = list;
}

/** Events repeat the state so far; the answer's text is in markdown blocks. */
function assembleSearch(chunks: readonly StreamChunk[]): JsonObject {
  const blocks = new Map<string, DeltaDocument>();
  const state: Growing = {};
  for (const { data } of chunks) {
    if (!isObject(data)) continue;
    assign(state, data);
    for (const block of listOf(data.blocks).map(objectOf)) {
      const usage = stringOf(block.intended_usage) ?? "";
      if (!usage.includes("markdown")) continue;
      const document = blocks.get(usage) ?? new DeltaDocument();
      blocks.set(usage, document);
      if (isObject(block.markdown_block)) putBlock(document, "replace", block.markdown_block);
      for (const patch of listOf(objectOf(block.diff_block).patches).map(objectOf)) {
        const path = stringOf(patch.path) ?? "";
        const operation = stringOf(patch.op) ?? "replace";
        if (path === "") putBlock(document, operation, patch.value);
        else document.push({ p: path, o: operation, v: patch.value });
      }
    }
  }
  const texts = [...blocks.values()].map(({ value }) => {
    const { answer, chunks: pieces } = objectOf(value);
    return (
      stringOf(answer) ??
      listOf(pieces)
        .map((piece) => stringOf(piece) ?? "")
        .join("")
    );
  });
  return { ...state, content: texts.join("") };
}
