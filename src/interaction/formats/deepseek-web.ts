import { type JsonObject, listOf, objectOf, present, stringOf, wordOf } from "../json.js";
import { DeltaDocument } from "./delta-document.js";
import type { WireFormat } from "./wire-format.js";

/** The chat of chat.deepseek.com: `/api/v0/chat/completion`. */
export const deepseekWeb: WireFormat = {
  id: "deepseek_web",
  type: "chat",
  request: (fields) =>
    present({
      prompt: fields.prompt,
      model: wordOf(fields.model_class),
      thinking: fields.thinking_enabled,
      search: fields.search_enabled,
      conversation_id: wordOf(fields.chat_session_id),
    }),
  response: (fields) => {
    const answer = objectOf(fields.response);
    const fragments = listOf(answer.fragments).map(objectOf);
    return present({
      content: wordOf(textOf(fragments, "RESPONSE")) ?? wordOf(answer.content),
      finish_reason: answer.status === "FINISHED" ? "stop" : wordOf(answer.status)?.toLowerCase(),
      reasoning: wordOf(textOf(fragments, "THINK")) ?? wordOf(answer.thinking_content),
    });
  },
  assemble: (chunks) => {
    const document = new DeltaDocument();
    for (const { event, data } of chunks) if (event === undefined || event === "message") document.push(data);
    return objectOf(document.value);
  },
};

function textOf(fragments: readonly JsonObject[], type: string): string {
  return fragments
    .map((fragment) => (fragment.type === type ? (stringOf(fragment.content) ?? "") : ""))
    .join("");
}
