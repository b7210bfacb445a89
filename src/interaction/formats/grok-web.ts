import { isObject, objectOf, present, stringOf, wordOf } from "../json.js";
import type { WireFormat } from "./wire-format.js";

/** The chat of grok.com: `/rest/app-chat/conversations/new` and `…/{id}/responses`, objects without separator. */
export const grokWeb: WireFormat = {
  id: "grok_web",
  type: "chat",
  request: (fields) =>
    present({
      prompt: fields.message,
      model: wordOf(fields.modelName) ?? wordOf(fields.modelMode),
    }),
  response: (fields) =>
    present({
      content: wordOf(fields.message) ?? wordOf(fields.tokens),
      model: wordOf(fields.model),
      reasoning: wordOf(fields.thoughts),
      conversation_id: wordOf(fields.conversationId),
    }),
  assemble: (chunks) => {
    let tokens = "";
    let thoughts = "";
    let document = {};
    for (const { data } of chunks) {
      const result = objectOf(objectOf(data).result);
      // In a new conversation each piece has an additional wrapper.
      const piece = isObject(result.response) ? result.response : result;
      const token = stringOf(piece.token) ?? "";
      if (piece.isThinking === true) thoughts += token;
      else tokens += token;
      const { message, model } = objectOf(piece.modelResponse);
      document = {
        ...document,
        ...present({ message, model, conversationId: objectOf(result.conversation).conversationId }),
      };
      if (isObject(objectOf(data).error)) document = { ...document, error: objectOf(data).error };
    }
    return { ...document, tokens, thoughts };
  },
};
