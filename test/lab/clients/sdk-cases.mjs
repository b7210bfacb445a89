// What the clients of the official SDKs share: the cases come on standard input, answers leave as JSON lines. An
// answer is what the SDK returned to its caller, under the names of events.
import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";

/** Asks each case in turn; what `ask` had put into the answer when it failed is kept. */
export async function answerCases(ask) {
  for (const one of JSON.parse(await text(process.stdin))) {
    const answer = {};
    try {
      await ask({ ...one, headers: { "x-transcript": one.title } }, answer);
    } catch (error) {
      answer.error = error.message;
    }
    console.log(JSON.stringify({ title: one.title, answer }));
  }
}

/** The pieces of a text in a row; undefined when there is none. */
export const joined = (pieces) => pieces.filter(Boolean).join("") || undefined;

/** The list, or undefined when it is empty. */
export const someOf = (list) => (list?.length ? list : undefined);

export const parsed = (json) => (typeof json === "string" && json !== "" ? JSON.parse(json) : (json ?? {}));

/** A picture or sound as events refer to it. */
export const mediaOf = (type, mediaType, bytes) => ({
  type,
  media_type: mediaType,
  size: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
});

/** Tool calls of which the arguments grow, chunk by chunk. */
export class GrowingCalls {
  #calls = new Map();

  add(index, { id, name, input }) {
    const call = this.#calls.get(index) ?? { input: "" };
    this.#calls.set(index, { id: id ?? call.id, name: name || call.name, input: call.input + (input ?? "") });
  }

  get list() {
    return someOf(
      [...this.#calls.values()].map(({ id, name, input }) => ({ id, name, arguments: parsed(input) })),
    );
  }
}

/** The SDKs of some know the names of JavaScript only; on the wire they are written with underscores. */
export function camelCased(value) {
  if (Array.isArray(value)) return value.map(camelCased);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()),
      camelCased(field),
    ]),
  );
}
