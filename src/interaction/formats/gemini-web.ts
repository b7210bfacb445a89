import { isObject, listOf, parseJson, present, stringOf, wordOf } from "../json.js";
import type { WireFormat } from "./wire-format.js";

/**
 * The chat of gemini.google.com: `…BardFrontendService/StreamGenerate`. Positional lists, JSON within JSON; each piece
 * repeats the answer so far.
 */
export const geminiWeb: WireFormat = {
  id: "gemini_web",
  type: "chat",
  request: (fields) => {
    const question = listOf(parseJson(stringOf(listOf(parseJson(stringOf(fields["f.req"]) ?? ""))[1]) ?? ""));
    return present({
      prompt: stringOf(listOf(question[0])[0]),
      conversation_id: wordOf(listOf(question[2])[0]),
    });
  },
  response: (fields) =>
    present({
      content: stringOf(fields.content),
      model: "gemini",
      conversation_id: wordOf(fields.conversation_id),
    }),
  assemble: (chunks) => {
    let content: string | undefined;
    let conversation: unknown;
    for (const row of chunks.flatMap(({ data }) => listOf(data))) {
      const [kind, , payload] = listOf(row);
      if (kind !== "wrb.fr" || typeof payload !== "string") continue;
      const answer = listOf(parseJson(payload));
      content = stringOf(at(answer, 4, 0, 1, 0)) ?? content;
      conversation = at(answer, 1, 0) ?? conversation;
    }
    return { content, conversation_id: conversation };
  },
};

function at(list: unknown, ...indexes: readonly number[]): unknown {
  return indexes.reduce<unknown>(
    (value, index) => (isObject(value) ? undefined : listOf(value)[index]),
    list,
  );
}
