import { isObject, listOf, objectOf, present, stringOf, wordOf } from "../json.js";
import { anthropicCompletions } from "./anthropic-batches.js";
import { anthropicMessages } from "./anthropic-messages.js";
import { someOf } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/**
 * The chat of claude.ai and Claude Desktop: `…/chat_conversations/{id}/completion`. It responds with the events of the
 * Messages API; formerly with those of completions.
 */
export const claudeWeb: WireFormat = {
  id: "claude_web",
  type: "chat",
  request: (fields, { path }) =>
    present({
      prompt: fields.prompt,
      model: wordOf(fields.model),
      attachments: someOf(listOf(fields.attachments).filter(isObject).map(attachmentOf)),
      files: someOf(listOf(fields.files)),
      conversation_id: /\/chat_conversations\/([^/]+)\//.exec(path)?.[1],
    }),
  response: (fields, exchange) =>
    typeof fields.completion === "string"
      ? anthropicCompletions.response(fields, exchange)
      : anthropicMessages.response(fields, exchange),
  assemble: (chunks, delta) => {
    const format = chunks.some(({ data }) => objectOf(data).type === "completion")
      ? anthropicCompletions
      : anthropicMessages;
    return format.assemble!(chunks, delta);
  },
};

/** Attached text files include their text; only name and size are kept. */
function attachmentOf(attachment: Record<string, unknown>) {
  return present({
    type: "file",
    name: wordOf(attachment.file_name),
    media_type: wordOf(attachment.file_type),
    size: stringOf(attachment.extracted_content)?.length,
  });
}
